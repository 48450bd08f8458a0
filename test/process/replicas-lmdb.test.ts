import { test } from "node:test";
import { folder } from "../support/fleet.js";
import { oneService } from "./one-service.js";
import { ROUNDS, replicasInTurn } from "./replicas.js";

oneService("LMDB", async (t) => `lmdb:${await folder(t)}`);

test(`LMDB: ${ROUNDS} times a replica ends, and nobody misses, repeats or reorders an item`, async (t) => {
  await replicasInTurn(t, `lmdb:${await folder(t)}`);
});
