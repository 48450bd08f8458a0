import assert from "node:assert/strict";
import { after, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.js";
import { openJournal } from "../../src/journal/open.js";
import { numberOf } from "../../src/protocol/ids.js";
import { RedisServer } from "../support/redis.js";
import { appendAll, entriesOf, item, items } from "./contract/kit.js";
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

it("trims what is too old and nothing else", async (t) => {
  const url = place(server);
  const keeping = await openJournal(url, { retentionMs: 0 }, hasty());
  const old = await appendAll(keeping, "main", 1_000);
  await keeping.check();
  assert.equal((await entriesOf(keeping, "main")).length, 1_000);
  await keeping.close();
  await sleep(200);
  const journal = await openJournal(url, { retentionMs: 200 }, hasty());
  t.after(() => journal.close());
  const from = systemClock.epoch();
  const young = await appendAll(journal, "main", 10, 10, 1_000);
  let page = await journal.read("main", "oldest", 2_000);
  while (page.after !== old.at(-1)) {
    // The ten may get too old meanwhile; all that is old goes before the first of them.
    if (systemClock.epoch() - from > 200) break;
    await journal.check();
    page = await journal.read("main", "oldest", 2_000);
  }
  assert.ok(page.type === "entries");
  if (page.after === old.at(-1)) {
    assert.deepEqual(
      page.entries.map(({ id }) => id),
      young,
    );
  }
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
  assert.ok(systemClock.now() - from >= 195, "a repeated use makes it no older, and no younger");
  await journal.append("main", items(1));
});
