import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate, judge, type Placed, type Verdict } from "../../src/client/gate.js";
import type { Id } from "../../src/protocol/ids.js";
import { id } from "./kit.js";

const item = (n: number, tag = 0): Placed => ({ type: "item", id: id(n, tag) });
const hello = (n: number, tag = 0): Placed => ({ type: "hello", cursor: id(n, tag) });
const gap = (reason: "trimmed" | "replaced", n: number, tag = 0): Placed => ({
  type: "gap",
  cursor: id(n, tag),
  reason,
});

const CASES: readonly (readonly [what: string, cursor: Id | undefined, frame: Placed, verdict: Verdict])[] = [
  ["the first hello says where we stand", undefined, hello(7), "new"],
  ["no item comes before it", undefined, item(1), "fault"],
  ["nor a gap", undefined, gap("trimmed", 1), "fault"],
  ["the next item", id(7), item(8), "new"],
  ["the first item of all", id(0), item(1), "new"],
  ["the same item", id(7), item(7), "repeat"],
  ["an older one", id(7), item(3), "repeat"],
  ["one is missing", id(7), item(9), "fault"],
  ["another item in our place", id(7), item(7, 1), "fault"],
  ["a hello where we stand", id(7), hello(7), "repeat"],
  ["a hello behind us, when another connection went on", id(7), hello(5), "repeat"],
  ["a hello before us", id(7), hello(8), "fault"],
  ["a hello at another entry in our place", id(7), hello(7, 1), "fault"],
  ["items trimmed before us", id(7), gap("trimmed", 9), "new"],
  ["items trimmed that we have", id(7), gap("trimmed", 5), "repeat"],
  ["items trimmed up to where we stand", id(7), gap("trimmed", 7), "repeat"],
  ["trimmed up to another entry in our place", id(7), gap("trimmed", 7, 1), "new"],
  ["a journal replaced, further on", id(7), gap("replaced", 9, 1), "new"],
  ["a journal replaced, further back", id(7), gap("replaced", 2, 1), "new"],
];

for (const [what, cursor, frame, verdict] of CASES) {
  test(`${what}: ${verdict}`, () => {
    assert.equal(judge(cursor, frame), verdict);
    const gate = new Gate(cursor);
    assert.equal(gate.pass(frame), verdict);
    const place = frame.type === "item" ? frame.id : frame.cursor;
    assert.equal(gate.cursor, verdict === "new" ? place : cursor, "only what is new moves the cursor");
  });
}
