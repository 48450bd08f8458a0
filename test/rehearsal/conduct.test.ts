import assert from "node:assert/strict";
import { test } from "node:test";
import { judgingOf } from "../../src/rehearsal/conduct.js";
import { type Chaos, DEFAULTS } from "../../src/rehearsal/options.js";

test("what chaos does to requests and goodbyes is not the service's fault", () => {
  const judged = (...chaos: Chaos[]) => {
    const { requestsJudged, goodbyesJudged } = judgingOf({ ...DEFAULTS, chaos });
    return [requestsJudged, goodbyesJudged];
  };
  assert.deepEqual(judged(), [true, true]);
  assert.deepEqual(judged("kill", "half-open"), [false, false]);
  assert.deepEqual(judged("pause"), [false, false]);
  // A client that does not read, or whose connection is dead, is not told; requests go on.
  assert.deepEqual(judged("slow-client"), [true, false]);
  assert.deepEqual(judged("half-open"), [true, false]);
});

test("a rollout that kills on purpose is judged by items alone", () => {
  assert.deepEqual(judgingOf({ ...DEFAULTS, judge: "items" }), { requestsJudged: false, goodbyesJudged: false });
});
