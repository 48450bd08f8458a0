import assert from "node:assert/strict";
import { hostname } from "node:os";
import { describe, test } from "node:test";
import { systemClock } from "../../src/base/clock.js";
import { LastcallError } from "../../src/base/errors.js";
import { BUDGET_DEFAULTS } from "../../src/drain/budget.js";
import { type LastcallOptions, resolveOptions } from "../../src/server/options.js";
import { memory } from "./kit.js";

const messageOf = (options: object): string => {
  try {
    resolveOptions({ journal: memory(), ...options } as LastcallOptions, "1.0.0");
  } catch (thrown) {
    assert.ok(thrown instanceof LastcallError);
    assert.equal(thrown.code, "invalid_settings");
    return thrown.message;
  }
  assert.fail(`accepted ${JSON.stringify(options)}`);
};

describe("options", () => {
  test("have the documented defaults", () => {
    const journal = memory();
    assert.deepEqual(resolveOptions({ journal }, "1.2.3"), {
      journal,
      version: "1.2.3",
      revision: "unknown",
      closables: [],
      name: hostname(),
      pingIntervalMs: 25_000,
      heartbeatMs: 15_000,
      dependencyGraceMs: 15_000,
      lingerScrapes: 1,
      maxConnections: 0,
      maxPinnedBytes: 67_108_864,
      maxItemBytes: 65_536,
      textPublish: false,
      slowMaxMs: 0,
      probes: true,
      clock: systemClock,
      source: undefined,
      budget: BUDGET_DEFAULTS,
    });
  });

  test("one part of the budget leaves the others at their defaults", () => {
    const { budget } = resolveOptions({ journal: memory(), budget: { finishMs: 1 } }, "");
    assert.deepEqual(budget, { ...BUDGET_DEFAULTS, finishMs: 1 });
  });

  for (const [option, least] of [
    ["pingIntervalMs", 1],
    ["dependencyGraceMs", 0],
    ["lingerScrapes", 1],
    ["maxConnections", 0],
    ["heartbeatMs", 1],
    ["maxPinnedBytes", 65_536],
    ["maxItemBytes", 1],
    ["slowMaxMs", 0],
  ] as const) {
    test(`${option}: a fault names the option, its bound and the value`, () => {
      for (const value of [least - 1, Number.NaN, Number.POSITIVE_INFINITY, "5", {}]) {
        assert.equal(messageOf({ [option]: value }), `${option}: expected a number of at least ${least}, got ${value}`);
      }
      assert.equal(resolveOptions({ journal: memory(), [option]: least }, "")[option], least);
    });
  }

  test("an option that is there but undefined counts as left out", () => {
    const journal = memory();
    const names = ["version", "closables", "source", "pingIntervalMs", "maxItemBytes", "probes", "clock"];
    const unset = Object.fromEntries(names.map((name) => [name, undefined]));
    assert.deepEqual(resolveOptions({ journal, ...unset }, "1"), resolveOptions({ journal }, "1"));
  });

  test("a part of the budget that is none is named", () => {
    assert.equal(messageOf({ budget: { closeMs: -1 } }), "budget.closeMs: expected a number of at least 0, got -1");
  });

  test("a budget whose parts do not fit is refused with the itemised sum", () => {
    const message = messageOf({ budget: { timeoutMs: 44_000 } });
    assert.match(message, /sum +45 s/);
    assert.match(message, /budget +44 s {2}budget\.timeoutMs$/m, "in the options' own names");
  });

  test("what is no journal is refused", () => {
    assert.equal(messageOf({ journal: undefined }), "journal: expected a journal, got undefined");
    assert.equal(messageOf({ journal: "memory:" }), "journal: expected a journal, got string");
  });
});
