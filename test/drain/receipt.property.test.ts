import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Receipt } from "../../src/drain/events.js";
import { PHASES } from "../../src/drain/phases.js";
import { RECEIPT_BYTES, shown } from "../../src/drain/receipt.js";

const count = fc.oneof(fc.nat({ max: 100_000 }), fc.constant(Number.MAX_SAFE_INTEGER));
const ms = fc.double({ min: 0, max: 1e9, noNaN: true });
/** Whatever an error may say: also halves of surrogate pairs, and what JSON writes as six bytes. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary", maxLength: 3_000 }),
  fc
    .tuple(fc.constantFrom("a", "\u0000", "\ud800", "é", "語", "😀"), fc.nat({ max: 5_000 }))
    .map(([unit, n]) => unit.repeat(n)),
);

const receipts: fc.Arbitrary<Receipt> = fc.record({
  reason: text,
  outcome: fc.constantFrom("clean", "cut", "failed"),
  exitCode: fc.constantFrom(0, 1),
  durationMs: ms,
  budgetMs: ms,
  budgetLeftMs: ms,
  deadlineReached: fc.boolean(),
  phases: fc.tuple(
    ...PHASES.map((phase) =>
      fc.record({
        phase: fc.constant(phase),
        outcome: fc.constantFrom("completed", "expired", "failed", "skipped", "cut"),
        ms,
      }),
    ),
  ),
  clients: fc.record({
    told: count,
    flushed: count,
    left: count,
    handedOver: count,
    cut: count,
    gone: count,
    open: count,
    echoed: count,
    unanswered: count,
    items: count,
  }),
  finals: count,
  requests: fc.record({ finished: count, cut: count }),
  publishes: fc.record({ cut: count }),
  errors: fc.oneof(
    fc.array(text, { maxLength: 20 }),
    fc.tuple(text, fc.nat({ max: 300 })).map(([error, times]) => Array<string>(times).fill(error)),
  ),
});

test("a receipt is shown whole, or with shorter texts: never longer than a termination message, every count in it", () => {
  const seen = { whole: 0, shortened: 0 };
  fc.assert(
    fc.property(receipts, (receipt) => {
      const { reason, errors, phases, durationMs, budgetLeftMs, ...rest } = shown(receipt);
      const json = JSON.stringify(shown(receipt));
      assert.ok(Buffer.byteLength(json) <= RECEIPT_BYTES, `${Buffer.byteLength(json)} bytes`);
      assert.deepEqual({ ...receipt, ...rest }, { ...receipt });
      assert.deepEqual(
        phases.map(({ phase, outcome }) => [phase, outcome]),
        receipt.phases.map(({ phase, outcome }) => [phase, outcome]),
      );
      for (const [got, meant] of [
        [durationMs, receipt.durationMs],
        [budgetLeftMs, receipt.budgetLeftMs],
        ...phases.map((phase, i) => [phase.ms, receipt.phases[i]?.ms ?? Number.NaN] as const),
      ] as const) {
        assert.ok(Math.abs(got - meant) <= 0.051);
      }
      const exact = { ...shown(receipt), reason: receipt.reason, errors: receipt.errors };
      const whole = Buffer.byteLength(JSON.stringify(exact)) <= RECEIPT_BYTES;
      seen[whole ? "whole" : "shortened"] += 1;
      if (whole) assert.deepEqual({ reason, errors }, { reason: receipt.reason, errors: receipt.errors });
      else {
        const more = /^and (\d+) more$/.exec(errors.at(-1) ?? "");
        assert.equal(more === null ? errors.length : errors.length - 1 + Number(more[1]), receipt.errors.length);
        for (const [short, long] of [
          [reason, receipt.reason],
          ...errors.slice(0, 8).map((e, i) => [e, receipt.errors[i]]),
        ]) {
          assert.ok(short === long || (short?.endsWith("…") && long?.startsWith(short.slice(0, -1))), `${short}`);
        }
      }
    }),
  );
  assert.ok(seen.whole > 5 && seen.shortened > 5, JSON.stringify(seen));
});
