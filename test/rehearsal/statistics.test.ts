import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EvidenceBook } from "../../src/rehearsal/evidence.js";
import { belowAt95, busiest, distribution } from "../../src/rehearsal/statistics.js";

test("percentiles are values that were measured: the nearest rank", () => {
  assert.deepEqual(distribution([]), { count: 0, p50: 0, p99: 0, max: 0 });
  assert.deepEqual(distribution([7]), { count: 1, p50: 7, p99: 7, max: 7 });
  assert.deepEqual(distribution([4, 1, 3, 2]), { count: 4, p50: 2, p99: 4, max: 4 });
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(distribution(hundred), { count: 100, p50: 50, p99: 99, max: 100 });
});

test("at least so many percent are not above a percentile, and it is one of the values", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1 }), (values) => {
      const { p50, p99, max } = distribution(values);
      for (const [value, share] of [
        [p50, 0.5],
        [p99, 0.99],
        [max, 1],
      ] as const) {
        assert.ok(values.includes(value));
        assert.ok(values.filter((other) => other <= value).length >= share * values.length);
        assert.ok(values.filter((other) => other < value).length < share * values.length);
      }
    }),
  );
});

test("the busiest span is one that is half open", () => {
  assert.deepEqual(busiest([], 100), { count: 0, at: 0 });
  assert.deepEqual(busiest([0, 100, 200], 100), { count: 1, at: 0 });
  assert.deepEqual(busiest([250, 0, 199, 100], 100), { count: 2, at: 100 });
});

test("no span has more than the busiest", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 500 })), (moments) => {
      const within = (at: number) => moments.filter((other) => other >= at && other < at + 100).length;
      const { count, at } = busiest(moments, 100);
      assert.equal(count, Math.max(0, ...moments.map(within)));
      assert.equal(within(at), count);
    }),
  );
});

test("the rule of three bounds nothing below four trials", () => {
  assert.deepEqual([0, 3, 4, 9, 300].map(belowAt95), [undefined, undefined, 0.75, 1 / 3, 0.01]);
});

test("of many faults the earliest of each kind are kept, the first of each first, and all that count are counted", () => {
  const book = new EvidenceBook();
  let told = 0;
  const tell = () => {
    told += 1;
    return { who: "client 1", text: "" };
  };
  for (let at = 100_000; at > 0; at -= 1) book.note("lost", at, true, tell);
  for (let at = 1; at <= 100_000; at += 1) book.note("repeated", at, false, tell);
  book.note("gap", 200_000, true, tell, 3);
  assert.deepEqual(book.faults, { lost: 100_000, gap: 3 });
  const { evidence } = book;
  assert.equal(evidence.length, 100);
  assert.deepEqual(
    evidence.slice(0, 5).map(({ kind, at }) => [kind, at]),
    [
      ["lost", 1],
      ["gap", 200_000],
      ["repeated", 1],
      ["lost", 2],
      ["repeated", 2],
    ],
  );
  assert.ok(told < 150_000, `${told} told`);
});
