import assert from "node:assert/strict";
import { test } from "node:test";
import { Pauses } from "../../src/rehearsal/pauses.js";
import type { ClientRecord, RunRecord } from "../../src/rehearsal/record.js";
import { Truth } from "../../src/rehearsal/truth.js";
import { all, client, dueAt, end, frames, items, open, published, run, stand, until } from "./by-hand.js";

function pausesOf(who: ClientRecord, changes: Partial<RunRecord> = {}) {
  const record = run(changes);
  const pauses: [number, number][] = [];
  new Pauses(record, new Truth(record)).visit(who, (endedAt, ms) => pauses.push([endedAt, ms]));
  return pauses;
}

test("what comes in time makes no pause but its way", () => {
  const expected = all.map((n) => [dueAt(n) + 10, 10]);
  assert.deepEqual(pausesOf(client("sse", stand(0), items(0, ...all))), expected);
});

test("what comes late is waited for since it was due, not since the one before", () => {
  const pauses = pausesOf(client("sse", stand(0), items(0, 1, 2), until(7_990), items(0, 3, 4, 5, 6)));
  // 3 was due at 6,000 and came at 8,000; 4, due at 8,000, came right behind it.
  assert.deepEqual(pauses.slice(2, 4), [
    [8_000, 2_000],
    [8_010, 10],
  ]);
});

test("a service that holds its publishers back does not shorten the pause", () => {
  // Everything from 3 on could only be sent at 13,000.
  const late = all.map((n) => published(n, n < 3 ? {} : { sentAt: 13_000 }));
  const pauses = pausesOf(client("sse", stand(0), items(0, 1, 2), until(13_090), items(0, 3, 4, 5, 6)), {
    published: late,
  });
  assert.deepEqual(pauses[2], [13_100, 7_100]);
});

test("what was missed while the client stood nowhere was waited for", () => {
  const pauses = pausesOf(client("text", open(0), frames(0, 1, 2), end(0), until(9_000), open(1), frames(1, 5, 6)));
  assert.deepEqual(pauses[2], [10_010, 4_010]);
});

test("what never came is waited for to the end", () => {
  assert.deepEqual(pausesOf(client("sse", stand(0), items(0, 1, 2))).at(-1), [20_000, 14_000]);
});

test("what was due before the client stood, or is not in the journal, is not waited for", () => {
  const journal = run().journal?.filter(({ mark }) => mark?.n !== 5) ?? [];
  const pauses = pausesOf(client("sse", until(4_990), stand(0, 2), items(0, 3, 4, 6)), { journal });
  assert.deepEqual(pauses, [
    [6_010, 10],
    [8_010, 10],
    [12_010, 10],
  ]);
});
