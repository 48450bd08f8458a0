import { test } from "node:test";
import { RedisServer } from "../support/redis.js";
import { ROUNDS, replicasInTurn } from "./replicas.js";

test(`Redis: ${ROUNDS} times a replica ends, and nobody misses, repeats or reorders an item`, async (t) => {
  const redis = await RedisServer.start();
  t.after(() => redis.remove());
  await replicasInTurn(t, redis.url);
});
