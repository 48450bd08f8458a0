import assert from "node:assert/strict";
import { it } from "node:test";
import { appendAll, items, nth } from "./contract/kit.js";
import { eventually, Follower, opened, redis } from "./redis-kit.js";

it("hears of a stream that is followed while the blocking read is under way", async (t) => {
  const server = await redis(t);
  const journal = await opened(t, server.url);
  const bases = [await journal.head("a"), await journal.head("b"), await journal.head("c")];
  const first = new Follower(t, journal, "a", bases[0] ?? "0-");
  while (!(await server.command("CLIENT", "LIST")).includes("flags=b"));
  const second = new Follower(t, journal, "b", bases[1] ?? "0-");
  while ((await server.command("KEYS", "{lastcall}:bell:*")) === "");
  const third = new Follower(t, journal, "c", bases[2] ?? "0-");
  for (const [stream, follower] of [
    ["c", third],
    ["b", second],
    ["a", first],
  ] as const) {
    const ids = await appendAll(journal, stream, 600, 7);
    await follower.until(({ ids: got }) => got.length === 600);
    assert.deepEqual(follower.ids, ids);
  }
});

it("needs one connection to wait on any number of streams, and judges them together", async (t) => {
  const server = await redis(t);
  const journal = await opened(t, server.url);
  const followers: Follower[] = [];
  for (let i = 0; i < 250; i += 1) {
    followers.push(new Follower(t, journal, `s${i}`, await journal.head(`s${i}`)));
  }
  while (!/ cmd=xread /.test(await server.command("CLIENT", "LIST")));
  assert.equal((await server.command("CLIENT", "LIST")).match(/ name=lastcall /g)?.length, 3);
  await Promise.all(followers.map((_, i) => journal.append(`s${i}`, items(1))));
  for (const follower of followers) await follower.until(({ ids }) => ids.length === 1);
  await server.command("FLUSHALL");
  for (const follower of followers) await follower.until(({ gaps }) => gaps.length === 1);
});

it("leaves a master that was deposed, with all its connections", async (t) => {
  const [master, replica] = [await redis(t), await redis(t)];
  await replica.follow(master);
  const journal = await opened(t, master.url);
  const ids = await appendAll(journal, "main", 3);
  while (!(await replica.command("HGET", "{lastcall}:streams", "main")).endsWith(nth(ids, -1)));
  const follower = new Follower(t, journal, "main", nth(ids, -1));
  await replica.command("REPLICAOF", "NO", "ONE");
  // It lets go of the address, keeps its connections, and follows nobody that it could learn from.
  await master.depose(replica);
  const next = await eventually(() => journal.append("main", items(2, 3)));
  await follower.until(({ ids: got }) => got.length === 2);
  assert.deepEqual(
    follower.ids,
    next.map(({ id }) => id),
  );
});
