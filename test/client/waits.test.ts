import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { againMs, waitAfter } from "../../src/client/waits.js";

const spread = fc.record({
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((r) => () => r),
  backoff: fc.constant({}),
});

test("as long as a server has a second left, there is another try before half of its time is over", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1_000, max: 1e6 }),
      spread,
      (failed, closesInMs, by) => {
        const ms = againMs(failed, closesInMs, by);
        assert.ok(ms >= 0 && ms <= closesInMs / 2, `${ms}`);
        assert.ok(ms <= 1_000 * 2 ** (failed - 1));
      },
    ),
  );
});

test("what the server asked for is the least wait, whatever is spread on top", () => {
  fc.assert(
    fc.property(
      fc.nat(1e5),
      fc.nat(1e5),
      fc.nat(20),
      fc.boolean(),
      spread,
      (slotMs, retryAfterMs, attempt, atOnce, by) => {
        const { ms, wished } = waitAfter({ atOnce, retryAfterMs }, slotMs, attempt, by);
        const least = Math.max(slotMs, retryAfterMs);
        assert.ok(ms >= least && ms <= least + 30_000, `${ms}`);
        assert.equal(wished, least > 0);
      },
    ),
  );
});
