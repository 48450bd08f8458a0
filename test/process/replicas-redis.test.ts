import { type TestContext, test } from "node:test";
import { RedisServer } from "../support/redis.js";
import { oneService } from "./one-service.js";
import { ROUNDS, replicasInTurn } from "./replicas.js";

async function redis(t: TestContext): Promise<string> {
  const server = await RedisServer.start();
  t.after(() => server.remove());
  return server.url;
}

oneService("Redis", redis);

test(`Redis: ${ROUNDS} times a replica ends, and nobody misses, repeats or reorders an item`, async (t) => {
  await replicasInTurn(t, await redis(t));
});
