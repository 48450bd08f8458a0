import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LastcallError } from "../../src/base/errors.js";
import {
  BUDGET_DEFAULTS,
  type BudgetSettings,
  checkBudget,
  fit as fitInto,
  itemise,
  planDrain,
  sum,
  type Timing,
} from "../../src/drain/budget.js";
import { anySettings, fittingSettings, needed } from "./arbitraries.js";

const timing: fc.Arbitrary<Timing> = fc.record({ afterPreStop: fc.boolean(), skipWindow: fc.boolean() });

test("settings are refused exactly if their sum does not fit", () => {
  fc.assert(
    fc.property(anySettings, (settings) => {
      if (needed(settings) <= settings.timeoutMs) checkBudget(settings);
      else assert.throws(() => checkBudget(settings), { name: "LastcallError", code: "invalid_settings" });
    }),
  );
});

test("a sum that fits to the millisecond is accepted, one more is not", () => {
  fc.assert(
    fc.property(anySettings, (settings) => {
      checkBudget({ ...settings, timeoutMs: needed(settings) });
      assert.throws(() => checkBudget({ ...settings, timeoutMs: needed(settings) - 1 }));
    }),
  );
});

test("no plan of accepted settings exceeds its budget, whatever set the drain off", () => {
  fc.assert(
    fc.property(fittingSettings, timing, (settings, timing) => {
      checkBudget(settings);
      const plan = planDrain(settings, timing);
      assert.ok(sum(plan) <= plan.totalMs, `${sum(plan)} of ${plan.totalMs}`);
      // A drain that no preStop preceded owns that time too: the grace period is P + timeout + margin.
      const grace = settings.timeoutMs + settings.preStopMs;
      assert.equal(plan.totalMs, timing.afterPreStop ? settings.timeoutMs : grace);
    }),
  );
});

test("the window: W and Wmax less what preStop slept, never below 0, skipped when asked or when Wmax is 0", () => {
  fc.assert(
    fc.property(anySettings, timing, (settings, timing) => {
      const { windowMinMs, windowMaxMs } = planDrain(settings, timing);
      const slept = timing.afterPreStop ? settings.preStopMs : 0;
      assert.equal(windowMaxMs, timing.skipWindow ? 0 : Math.max(0, settings.removalMaxMs - slept));
      assert.equal(windowMinMs, Math.min(windowMaxMs, Math.max(0, settings.removalMs - slept)));
    }),
  );
});

test("what is fitted in keeps to what is left, if the firm parts alone do", () => {
  fc.assert(
    fc.property(anySettings, timing, fc.nat({ max: 100_000 }), (settings, timing, leftMs) => {
      const plan = planDrain(settings, timing);
      const fitted = fitInto(plan, leftMs);
      const firm = plan.finishMs + plan.closeMs + plan.requestsMs + plan.releaseMs;
      const after = firm + fitted.staggerMs + fitted.lingerMs;
      assert.ok(after <= Math.max(firm, leftMs), `${after} of ${leftMs}`);
      // Nothing but S and L gives way, neither grows, and L only when S is used up.
      assert.deepEqual({ ...fitted, staggerMs: plan.staggerMs, lingerMs: plan.lingerMs }, plan);
      assert.ok(fitted.staggerMs >= 0 && fitted.staggerMs <= plan.staggerMs);
      assert.ok(fitted.lingerMs >= 0 && fitted.lingerMs <= plan.lingerMs);
      if (fitted.lingerMs < plan.lingerMs) assert.equal(fitted.staggerMs, 0);
      // And nothing gives way that need not.
      const gaveWay = fitted.staggerMs < plan.staggerMs || fitted.lingerMs < plan.lingerMs;
      if (gaveWay) assert.equal(after, Math.max(firm, leftMs));
    }),
  );
});

/** The numbers of an itemised sum, by the first word of their lines, in ms. */
function figures(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").map((line) => /^ {2}(\w+) +(\d+(?:\.\d+)?) s {2}/.exec(line));
  return new Map(lines.map((line) => [line?.[1] ?? "unreadable", Math.round(Number(line?.[2]) * 1_000)]));
}

test("the refusal itemises the sum, and its numbers add up", () => {
  fc.assert(
    fc.property(anySettings, (settings) => {
      fc.pre(needed(settings) > settings.timeoutMs);
      const refusal = refusalOf(settings);
      assert.match(refusal.message, /does not fit/);
      const { sum, budget, ...parts } = Object.fromEntries(figures(refusal.message.split("\n").slice(1).join("\n")));
      assert.deepEqual(Object.keys(parts), ["window", "finish", "stagger", "close", "requests", "release", "linger"]);
      assert.equal(
        Object.values(parts).reduce((total, ms) => total + ms, 0),
        sum,
      );
      assert.deepEqual([sum, budget], [needed(settings), settings.timeoutMs]);
      assert.deepEqual(refusal.detail, { neededMs: sum, timeoutMs: budget });
    }),
  );
});

const TOO_LONG = { ...BUDGET_DEFAULTS, preStopMs: 2_500, lingerMs: 10, requestsMs: 100_000 };

test("each line of the sum names the option that sets it", () => {
  const text = [
    "  window       12.5 s  budget.removalMaxMs - budget.preStopMs",
    "  finish          5 s  budget.finishMs",
    "  stagger         5 s  budget.staggerMs",
    "  close           5 s  budget.closeMs",
    "  requests      100 s  budget.requestsMs",
    "  release         5 s  budget.releaseMs",
    "  linger       0.01 s  budget.lingerMs",
    "  sum        132.51 s  ",
    "  budget         50 s  budget.timeoutMs",
  ].join("\n");
  assert.equal(itemise(TOO_LONG), text);
  assert.equal(refusalOf(TOO_LONG).message, `the drain does not fit into its budget\n${text}`);
});

test("or whatever the caller calls it", () => {
  const renamed = itemise(TOO_LONG).replaceAll("budget.", "MY_");
  assert.equal(
    itemise(TOO_LONG, (option) => `MY_${option}`),
    renamed,
  );
  assert.throws(() => checkBudget(TOO_LONG, (option) => `MY_${option}`), {
    message: `the drain does not fit into its budget\n${renamed}`,
  });
});

test("the defaults need 45 s of 50", () => {
  checkBudget(BUDGET_DEFAULTS);
  assert.deepEqual([needed(BUDGET_DEFAULTS), BUDGET_DEFAULTS.timeoutMs], [45_000, 50_000]);
});

function refusalOf(settings: BudgetSettings): LastcallError {
  try {
    checkBudget(settings);
  } catch (thrown) {
    if (thrown instanceof LastcallError) return thrown;
    throw thrown;
  }
  throw new Error("the settings were accepted");
}
