import assert from "node:assert/strict";
import { test } from "node:test";
import { Continuity } from "../../src/rehearsal/continuity.js";
import { Notes } from "../../src/rehearsal/notes.js";

function seen(...numbers: number[]) {
  const continuity = new Continuity();
  for (const n of numbers) continuity.take(0, { publisher: "p1", n });
  const { lost, repeated, outOfOrder } = continuity;
  return [lost, repeated, outOfOrder];
}

test("while items come, a hole is lost, until it comes late; what came is repeated", () => {
  assert.deepEqual(seen(7, 8, 9), [0, 0, 0], "a connection begins anywhere");
  assert.deepEqual(seen(1, 4), [2, 0, 0]);
  assert.deepEqual(seen(1, 3, 2, 4), [0, 0, 1]);
  assert.deepEqual(seen(1, 2, 2, 3), [0, 1, 0]);
  assert.deepEqual(seen(1, 3, 2, 2), [0, 1, 1]);
});

test("each connection is one of its own, and begins anew where its server says so", () => {
  const notes = new Notes(() => 0);
  const item = (connection: number, n: number) =>
    notes.note({ type: "item", id: undefined, mark: { publisher: "p1", n }, connection });
  item(0, 1);
  item(1, 1);
  item(0, 2);
  notes.note({ type: "gap", after: "2-a", cursor: "5-a", reason: "trimmed", connection: 0 });
  item(0, 6);
  item(1, 3);
  const { lost, repeated, outOfOrder } = notes.continuity;
  assert.deepEqual([lost, repeated, outOfOrder], [1, 0, 0]);
});
