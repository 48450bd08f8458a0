import assert from "node:assert/strict";
import { after, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.js";
import { openJournal } from "../../src/journal/open.js";
import { numberOf } from "../../src/protocol/ids.js";
import { RedisServer } from "../support/redis.js";
import { appendAll, entriesOf, item } from "./contract/kit.js";
import { place } from "./redis-kit.js";

const server = await RedisServer.start();
after(() => server.remove());

/** A clock by which a journal sweeps at every call. */
function hasty() {
  let now = 0;
  return {
    ...systemClock,
    now() {
      now += 3_600_000;
      return now;
    },
  };
}

// Redis tells the time here, so these wait for it: for what must come, however long it takes.

it("trims by age, streams that nobody appends to as well, and goes on counting", async (t) => {
  const journal = await openJournal(place(server), { retentionMs: 50 }, hasty());
  t.after(() => journal.close());
  const ids = await appendAll(journal, "main", 300);
  const head = ids.at(-1);
  while ((await journal.read("main", "oldest", 1)).after !== head) {
    await journal.check();
    await sleep(10);
  }
  assert.deepEqual(await journal.read("main", "oldest", 1), { type: "entries", after: head, entries: [], head });
  assert.equal(await journal.head("main"), head);
  const page = await journal.read("main", ids[7] ?? "0-", 1);
  assert.deepEqual(page, { type: "gap", after: ids[7], cursor: head, reason: "trimmed", head });
  const [next] = await appendAll(journal, "main", 1, 1, 300);
  assert.equal(numberOf(next ?? "0-"), 301);
});

it("trims by age while Redis takes no more data: nothing else would make room", async (t) => {
  const journal = await openJournal(`${server.url}?prefix=full`, { retentionMs: 50 }, hasty());
  t.after(() => journal.close());
  const head = (await appendAll(journal, "main", 300)).at(-1);
  t.after(() => server.command("CONFIG", "SET", "maxmemory", "0"));
  await server.command("CONFIG", "SET", "maxmemory", "1");
  const [refused] = await journal.append("main", [item({})]).catch((error: Error) => [error]);
  assert.match(String(refused), /out of memory/);
  while ((await journal.read("main", "oldest", 1)).after !== head) {
    await journal.check().catch(() => {});
    await sleep(10);
  }
});

it("trims what is too old and nothing else", async (t) => {
  const journal = await openJournal(`${server.url}?prefix=old`, { retentionMs: 50_000 }, hasty());
  t.after(() => journal.close());
  const script = `
    for n = 1, 1000 do redis.call('XADD', KEYS[1], n .. '-0', 't', 'aaaaaaaa', 'a', ARGV[1], 'd', '1') end
    redis.call('HSET', KEYS[2], 'main', '0-aaaaaaaa 1000-aaaaaaaa')`;
  await server.command("EVAL", script, "2", "{old}:s:main", "{old}:streams", `${systemClock.epoch() - 100_000}`);
  const young = await appendAll(journal, "main", 10, 10, 1_000);
  while ((await journal.read("main", "oldest", 1)).after === "0-aaaaaaaa") await journal.check();
  assert.equal((await journal.read("main", "oldest", 1)).after, "1000-aaaaaaaa");
  assert.deepEqual(
    (await entriesOf(journal, "main")).map(({ id }) => id),
    young,
  );
  while (Number(await server.command("XLEN", "{old}:s:main")) > 110) await journal.check();
});

it("knows a head whose entry is gone: whoever has had it goes on after it", async (t) => {
  const journal = await openJournal(`${server.url}?prefix=gone`, { retentionMs: 86_400_000 }, hasty());
  t.after(() => journal.close());
  const head = (await appendAll(journal, "main", 3)).at(-1);
  await server.command("DEL", "{gone}:s:main");
  let oldest = await journal.read("main", "oldest", 1);
  for (; numberOf(oldest.after) < 3; oldest = await journal.read("main", "oldest", 1)) await journal.check();
  assert.equal(oldest.after, head);
  const [next] = await appendAll(journal, "main", 1, 1, 3);
  const page = await journal.read("main", oldest.after, 10);
  assert.deepEqual(page.type === "entries" && page.entries.map(({ id }) => id), [next]);
});

it("never keeps more than retentionItems, however little is appended at a time", async (t) => {
  const journal = await openJournal(place(server), { retentionItems: 3 }, systemClock);
  t.after(() => journal.close());
  for (let n = 1; n <= 8; n += 1) {
    await appendAll(journal, "main", 1, 1, n);
    assert.equal((await entriesOf(journal, "main")).length, Math.min(n, 3));
  }
});

it("keeps all ages with retentionMs 0", async (t) => {
  const journal = await openJournal(place(server), { retentionMs: 0 }, hasty());
  t.after(() => journal.close());
  await appendAll(journal, "main", 3);
  await sleep(5);
  for (let i = 0; i < 3; i += 1) await journal.check();
  assert.equal((await entriesOf(journal, "main")).length, 3);
});

it("forgets a key 2 x keyTtlMs after its first use, and not before", async (t) => {
  const journal = await openJournal(place(server), { keyTtlMs: 100 }, systemClock);
  t.after(() => journal.close());
  const from = systemClock.now();
  const [first] = await journal.append("main", [item({})]);
  let [again] = await journal.append("main", [item({})]);
  assert.deepEqual(again, { type: "appended", id: first?.id, repeated: true });
  while (again?.type === "appended" && again.repeated) {
    await sleep(20);
    [again] = await journal.append("main", [item({})]);
  }
  assert.ok(systemClock.now() - from >= 195, "a repeated use makes it neither older nor younger");
});
