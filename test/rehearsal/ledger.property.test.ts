import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findingsOf } from "../../src/rehearsal/ledger.js";
import { verdictOf } from "../../src/rehearsal/verdict.js";
import { type Plan, simulate } from "./model.js";
import { mutations } from "./mutations.js";

const JUDGING = { requestsJudged: true };

const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  publishers: fc.integer({ min: 1, max: 5 }),
  entries: fc.integer({ min: 100, max: 300 }),
  foreignEvery: fc.constantFrom(0, 2, 7),
  unackedEvery: fc.constantFrom(0, 5),
  clients: fc.array(fc.constantFrom("lastcall.v1", "sse", "text", "adapter"), { minLength: 1, maxLength: 4 }),
  connections: fc.integer({ min: 2, max: 4 }),
  journal: fc.boolean(),
});

test("in a run of a correct service nothing is found", () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const run = simulate(plan);
      const findings = findingsOf(run, JUDGING);
      assert.deepEqual(
        findings.evidence.filter(({ judged }) => judged),
        [],
      );
      assert.deepEqual(findings.faults, {});
      assert.equal(verdictOf(findings, run).type, "pass");
    }),
    { numRuns: 200 },
  );
});

for (const [name, mutate] of Object.entries(mutations)) {
  test(`one that is ${name} is always found, and nothing else is`, () => {
    fc.assert(
      fc.property(plans, fc.nat(), (plan, choice) => {
        const broken = mutate(simulate(plan), choice);
        fc.pre(broken !== undefined);
        const findings = findingsOf(broken.run, JUDGING);
        const kinds = [...new Set(findings.evidence.filter(({ judged }) => judged).map(({ kind }) => kind))];
        assert.deepEqual(kinds, [broken.kind]);
        assert.equal(findings.faults[broken.kind], broken.count);
        const [first] = findings.evidence;
        assert.equal(first?.who, broken.who);
        assert.equal(verdictOf(findings, broken.run).exitCode, 1);
      }),
      { numRuns: 200 },
    );
  });
}
