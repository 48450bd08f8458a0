import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { FaultKind } from "../../src/rehearsal/findings.js";
import { findingsOf } from "../../src/rehearsal/ledger.js";
import { DEFAULTS } from "../../src/rehearsal/options.js";
import { silent } from "../../src/rehearsal/progress-port.js";
import type { Protocol } from "../../src/rehearsal/record.js";
import { verdictOf } from "../../src/rehearsal/verdict.js";
import { rehearse } from "../../src/rehearsal.js";
import { BrokenService, type Defect, type Served } from "./broken-service.js";

const PROTOCOLS = ["lastcall.v1", "sse", "text"] as const;

async function rehearsed(t: TestContext, protocols: readonly Protocol[], defect?: Defect, victims?: Served) {
  const service = await BrokenService.start(t, defect, victims);
  const options = {
    ...DEFAULTS,
    stage: { type: "remote", url: service.url, rollout: service.rollout },
    ...{ clients: 6, protocols, rate: 40, publishers: 2, requests: 40, steadyMs: 500, settleMs: 20_000 },
  } as const;
  const run = await rehearse(options, silent, t.signal);
  const findings = findingsOf(run, { requestsJudged: true });
  return { run, findings, verdict: verdictOf(findings, run) };
}

test("of a service that does everything right nothing is found", async (t) => {
  const { findings, run } = await rehearsed(t, PROTOCOLS);
  assert.deepEqual(
    findings.evidence.filter(({ judged }) => judged),
    [],
  );
  assert.deepEqual(run.troubles, []);
  assert.deepEqual([findings.rolled, findings.notReplaced, findings.withoutSentinel], [1, 0, 0]);
  for (const { items, onConnections, protocol } of findings.protocols) {
    assert.ok(items > 0, protocol);
    assert.deepEqual(onConnections, { lost: 0, repeated: 0, outOfOrder: 0 }, protocol);
  }
});

/** What is wrong, with whose items or goodbyes, and as what it is named. */
const defects: readonly (readonly [Defect, Served, FaultKind, RegExp])[] = [
  ["drops_one", "sse", "lost", /^client \d$/],
  ["drops_one", "text", "lost", /^client \d$/],
  ["drops_one", "lastcall.v1", "lost", /^client \d$/],
  ["repeats_one", "sse", "repeated", /^client \d$/],
  ["repeats_one", "text", "repeated", /^client \d$/],
  ["repeats_one", "lastcall.v1", "repeated", /^client \d$/],
  ["swaps_two", "sse", "out_of_order", /^client \d$/],
  ["swaps_two", "text", "out_of_order", /^client \d$/],
  // The library leaves a connection on which something is missing, whatever would have come next.
  ["swaps_two", "lastcall.v1", "lost", /^client \d$/],
  ["closes_early", "text", "cut_short", /^client \d$/],
  ["closes_early", "lastcall.v1", "broken_before_made", /^client \d$/],
  ["forgets_shutdown", "sse", "cut_short", /^client \d$/],
  ["forgets_shutdown", "text", "cut_short", /^client \d$/],
  ["forgets_shutdown", "lastcall.v1", "cut_short", /^client \d$/],
  ["refuses_in_window", "sse", "request", /^requests$/],
  ["acks_and_forgets", "sse", "ack_broken", /^publisher p\d$/],
];

// Most of their time they wait.
describe("a service that", { concurrency: 4 }, () => {
  for (const [defect, victims, kind, who] of defects) {
    test(`${defect.replaceAll("_", " ")}, ${victims}`, async (t) => {
      const { findings, verdict } = await rehearsed(t, [victims], defect, victims);
      assert.deepEqual(Object.keys(findings.faults), [kind]);
      const [first] = findings.evidence;
      assert.equal(first?.kind, kind);
      assert.match(first.who, who);
      assert.equal(verdict.exitCode, 1);
    });
  }
});
