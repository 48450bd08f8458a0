import assert from "node:assert/strict";
import { it } from "node:test";
import { numberOf } from "../../src/protocol/ids.js";
import { DURABLE, RedisServer } from "../support/redis.js";
import { appendAll, entriesOf, item, items, nth } from "./contract/kit.js";
import { eventually, Follower, opened, redis } from "./redis-kit.js";

it("goes where the Sentinel says when the master is gone", async (t) => {
  const [master, replica] = [await redis(t), await redis(t)];
  await replica.follow(master);
  const sentinel = await RedisServer.startSentinel(master);
  t.after(() => sentinel.remove());
  while (!(await sentinel.command("SENTINEL", "replicas", "mymaster")).includes(`${replica.port}`));
  const url = `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster`;
  const [journal, sure] = [await opened(t, url), await opened(t, url, { redisWait: 1 })];
  const ids = await appendAll(sure, "main", 20, 3);
  const follower = new Follower(t, journal, "main", nth(ids, -1));
  await master.kill();
  const [next] = await eventually(() => journal.append("main", items(1, 20)));
  await follower.until(({ ids: got }) => got.length === 1);
  assert.deepEqual([follower.ids, follower.gaps], [[next?.id], []]);
  assert.deepEqual(
    (await entriesOf(journal, "main")).map(({ id }) => id),
    [...ids, next?.id],
  );
});

it("works on a Cluster, and when its nodes are started anew", async (t) => {
  const node = await redis(t, ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", ...DURABLE]);
  await node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  while (!(await node.command("CLUSTER", "INFO")).includes("cluster_state:ok"));
  const journal = await opened(t, `redis+cluster://127.0.0.1:${node.port}`);
  const base = await journal.head("main");
  const [main, other] = [
    new Follower(t, journal, "main", base),
    new Follower(t, journal, "b", await journal.head("b")),
  ];
  const ids = await appendAll(journal, "main", 100, 7);
  const [b] = await appendAll(journal, "b", 1);
  await main.until(({ ids: got }) => got.length === 100);
  await other.until(({ ids: got }) => got.length === 1);
  assert.deepEqual([main.ids, other.ids], [ids, [b]]);
  await node.kill();
  await node.start();
  const [next] = await eventually(() => journal.append("main", items(1, 100)));
  await main.until(({ ids: got }) => got.length === 101);
  assert.equal(main.ids.at(-1), next?.id);
  assert.deepEqual(main.gaps, []);
  const sure = await opened(t, `redis+cluster://127.0.0.1:${node.port}`, { redisWait: 1 });
  const refusal: unknown = await sure.append("main", [item({})]).catch((thrown) => thrown);
  assert.match(String(refusal), /0 of 1 replicas/);
});

it("keeps journals of other prefixes and databases apart", async (t) => {
  const server = await redis(t);
  for (const rest of ["", "/1", "?prefix=b", "/1?prefix=b"]) {
    const [first] = await (await opened(t, server.url + rest)).append("main", [item({})]);
    assert.ok(first?.type === "appended" && !first.repeated && numberOf(first.id) === 1, rest);
  }
});
