import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPosition } from "../../src/journal/cursor.js";
import { parsePosition } from "../../src/protocol/ids.js";

/** What is thrown, as data. */
function refusal(check: () => void): unknown {
  try {
    check();
  } catch (thrown) {
    assert.ok(thrown instanceof Error);
    return { ...thrown, message: thrown.message };
  }
  return "taken";
}

test("the journal and the routes have one rule for a position, and one refusal", () => {
  for (const position of ["1-abcdefgh", "oldest", "now"] as const) {
    assert.equal(
      refusal(() => checkPosition(position)),
      "taken",
    );
  }
  for (const position of ["1-short", "1-ABCDEFGH", "1.5-zzzzzzzz"] as const) {
    const told = refusal(() => checkPosition(position));
    assert.notEqual(told, "taken");
    assert.deepEqual(
      told,
      refusal(() => void parsePosition(position)),
    );
  }
});
