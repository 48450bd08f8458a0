import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs, MAX_RETRY_AFTER_MS, retryAfterMs } from "../../src/client/backoff.js";

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("the first retry comes within a second", () => {
  fc.assert(
    fc.property(unit, (r) => {
      const ms = backoffMs(0, () => r);
      assert.ok(ms >= 0 && ms < 1_000, `${ms}`);
    }),
  );
});

test("no wait is negative or passes 30 seconds, however many attempts there were", () => {
  fc.assert(
    fc.property(fc.nat({ max: 100_000 }), unit, (attempt, r) => {
      const ms = backoffMs(attempt, () => r);
      assert.ok(ms >= 0 && ms < 30_000, `${ms}`);
    }),
  );
});

test("the ceiling doubles until 30 seconds, and the jitter reaches over all of it", () => {
  const upTo = (r: number) => [0, 1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, () => r));
  assert.deepEqual(upTo(1), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
  assert.deepEqual(upTo(0.5), [500, 1_000, 2_000, 4_000, 8_000, 15_000]);
  assert.deepEqual(upTo(0), [0, 0, 0, 0, 0, 0]);
});

test("both ceilings can be chosen", () => {
  assert.equal(
    backoffMs(9, () => 1, { firstMs: 10, maxMs: 50 }),
    50,
  );
  assert.equal(
    backoffMs(1, () => 1, { firstMs: 10 }),
    20,
  );
});

test("Retry-After: seconds, a date, and what is neither", () => {
  const now = Date.UTC(2025, 0, 1, 12);
  assert.equal(retryAfterMs("5", now), 5_000);
  assert.equal(retryAfterMs(" 0 ", now), 0);
  assert.equal(retryAfterMs("Wed, 01 Jan 2025 12:00:07 GMT", now), 7_000);
  assert.equal(retryAfterMs("Wed, 01 Jan 2025 11:59:00 GMT", now), 0, "a date that has passed");
  assert.equal(retryAfterMs(undefined, now), 0);
  for (const text of ["", "-5", "1.5", "soon", "not a date GMT", "2025-01-01T12:00:07"]) {
    assert.equal(retryAfterMs(text, now), 0, text);
  }
});

test("no Retry-After keeps a client away for longer than the limit", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat().map(String),
        fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
      ),
      (text) => {
        const ms = retryAfterMs(text, 0);
        assert.ok(ms >= 0 && ms <= MAX_RETRY_AFTER_MS, `${ms}`);
      },
    ),
  );
  assert.equal(retryAfterMs("9".repeat(400), 0), MAX_RETRY_AFTER_MS);
});
