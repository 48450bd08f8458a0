import assert from "node:assert/strict";
import { it } from "node:test";
import { numberOf } from "../../src/protocol/ids.js";
import { DURABLE } from "../support/redis.js";
import { appendAll, entriesOf, item, items, nth, refused } from "./contract/kit.js";
import { eventually, Follower, opened, redis } from "./redis-kit.js";

const unavailable = refused("journal_unavailable");

it("loses and repeats nothing when Redis is killed in the middle of appends, and comes back", async (t) => {
  const server = await redis(t, DURABLE);
  const [one, two] = [await opened(t, server.url), await opened(t, server.url)];
  const base = await one.head("main");
  const followers = [one, two].map((journal) => new Follower(t, journal, "main", base));
  const publishers = [one, two].map(async (journal, p) => {
    for (let i = 0; i < 300; i += 1) await eventually(() => journal.append("main", items(1, 1_000 * p + i)));
  });
  for (const count of [50, 200]) {
    await followers[0]?.until(({ ids }) => ids.length >= count);
    await server.kill();
    await server.start();
  }
  await Promise.all(publishers);
  for (const follower of followers) await follower.until(({ ids }) => ids.length === 600);
  const entries = await entriesOf(one, "main");
  const ids = entries.map(({ id }) => id);
  assert.deepEqual(
    ids.map(numberOf),
    ids.map((_, i) => i + 1),
  );
  assert.equal(new Set(entries.map(({ data }) => data)).size, 600);
  for (const follower of followers) {
    assert.deepEqual(follower.ids, ids);
    assert.deepEqual(follower.gaps, []);
    assert.ok(follower.losses > 0);
  }
});

it("is unavailable while Redis is stopped, and goes on when it is back", async (t) => {
  const server = await redis(t, DURABLE);
  const journal = await opened(t, server.url);
  const [first] = await appendAll(journal, "main", 1);
  const follower = new Follower(t, journal, "main", first ?? "0-");
  await server.stop();
  await follower.until(({ losses }) => losses > 0);
  await assert.rejects(journal.append("main", items(1, 1)), unavailable);
  await assert.rejects(journal.read("main", "now", 1), unavailable);
  await assert.rejects(journal.head("main"), unavailable);
  await assert.rejects(journal.check(), unavailable);
  await server.start();
  await eventually(() => journal.check());
  const [second] = await eventually(() => journal.append("main", items(1, 1)));
  await follower.until(({ ids }) => ids.length === 1);
  assert.deepEqual(follower.ids, [second?.id]);
  assert.deepEqual(follower.gaps, []);
});

it("is unavailable while Redis does not answer, and goes on when it does", async (t) => {
  const server = await redis(t);
  const journal = await opened(t, server.url);
  const [first] = await appendAll(journal, "main", 1);
  const follower = new Follower(t, journal, "main", first ?? "0-");
  server.freeze();
  await assert.rejects(journal.append("main", items(1, 1)), unavailable);
  await follower.until(({ losses }) => losses > 0);
  server.thaw();
  const [second] = await eventually(() => journal.append("main", items(1, 1)));
  await follower.until(({ ids }) => ids.length === 1);
  assert.deepEqual(follower.ids, [second?.id]);
});

it("can be opened before Redis is there", async (t) => {
  const server = await redis(t);
  await server.stop();
  const journal = await opened(t, server.url);
  await assert.rejects(journal.check(), unavailable);
  await server.start();
  await eventually(() => journal.check());
});

it("knows a key through another handle and through a restart", async (t) => {
  const server = await redis(t, DURABLE);
  const [first] = await (await opened(t, server.url)).append("main", [item({})]);
  await server.kill();
  await server.start();
  const [second] = await (await opened(t, server.url)).append("main", [item({})]);
  assert.deepEqual(second, { type: "appended", id: first?.id, repeated: true });
});

it("tells `replaced` to live readers when a replica that lacks the last writes takes over", async (t) => {
  const [master, replica] = [await redis(t), await redis(t)];
  await replica.follow(master);
  const journal = await opened(t, master.url);
  const kept = await appendAll(journal, "main", 5);
  while (!(await replica.command("HGET", "{lastcall}:streams", "main")).endsWith(nth(kept, -1)));
  // The link is cut: what the master acknowledges from here on, nobody else has.
  await replica.command("REPLICAOF", "NO", "ONE");
  const follower = new Follower(t, journal, "main", nth(kept, -1));
  const lost = await appendAll(journal, "main", 3, 3, 5);
  await follower.until(({ ids }) => ids.length === 3);
  await master.kill();
  await replica.command("CONFIG", "SET", "port", `${master.port}`);
  await follower.until(({ gaps }) => gaps.length === 1);
  const head = nth(kept, -1);
  assert.deepEqual(follower.gaps, [{ type: "gap", after: nth(lost, -1), cursor: head, reason: "replaced", head }]);
  for (const after of lost) {
    const page = await eventually(() => journal.read("main", after, 10));
    assert.deepEqual(page, { type: "gap", after, cursor: head, reason: "replaced", head });
  }
  const page = await journal.read("main", nth(kept, 2), 10);
  assert.ok(page.type === "entries");
  assert.deepEqual(
    page.entries.map(({ id }) => id),
    kept.slice(3),
  );
  // The keys went with the entries, so what is sent again is appended again: same numbers, other tags.
  const again = await eventually(() => journal.append("main", items(3, 5)));
  await follower.until(({ ids }) => ids.length === 6);
  assert.deepEqual(
    follower.ids.slice(3),
    again.map(({ id }) => id),
  );
  assert.deepEqual(follower.ids.slice(3).map(numberOf), lost.map(numberOf));
});

it("tells `replaced` to a live reader when Redis was emptied and filled anew past its place", async (t) => {
  const server = await redis(t);
  const journal = await opened(t, server.url);
  const ids = await appendAll(journal, "main", 3);
  const follower = new Follower(t, journal, "main", nth(ids, -1));
  await server.command("FLUSHALL");
  const fresh = await appendAll(journal, "main", 10);
  await follower.until(({ gaps }) => gaps.length === 1);
  const [gap] = follower.gaps;
  assert.equal(gap?.reason, "replaced");
  const [next] = await appendAll(journal, "main", 1, 1, 10);
  await follower.until(({ ids: got }) => got.at(-1) === next);
  assert.deepEqual(follower.ids, [...fresh, next].slice(numberOf(gap?.cursor ?? "0-")));
});
