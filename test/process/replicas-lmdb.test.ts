import { test } from "node:test";
import { folder } from "../support/fleet.js";
import { ROUNDS, replicasInTurn } from "./replicas.js";

test(`LMDB: ${ROUNDS} times a replica ends, and nobody misses, repeats or reorders an item`, async (t) => {
  await replicasInTurn(t, `lmdb:${await folder(t)}`);
});
