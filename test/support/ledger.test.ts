import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Id } from "../../src/protocol/ids.js";
import {
  type Entry,
  judgeFrames,
  judgeGiven,
  judgeJournal,
  judgeText,
  longestPause,
  type Sighting,
  Truth,
} from "./ledger.js";

const id = (n: number): Id => `${n}-abcdefg${n % 10}`;
const entry = (n: number): Entry => ({ id: id(n), data: `"item ${n}"` });
const entries = (...numbers: number[]) => numbers.map(entry);
const truth = new Truth(entries(1, 2, 3, 4, 5, 6));

type Step = (at: number) => Sighting;

/** Sightings in the order given, 10 ms apart. */
function seen(...steps: readonly Step[]): readonly Sighting[] {
  return steps.map((step, i) => step(i * 10));
}

const start =
  (socket: number, after?: number) =>
  (at: number): Sighting => {
    return { at, socket, type: "start", after: after === undefined ? "now" : id(after) };
  };
const hello =
  (socket: number, n: number) =>
  (at: number): Sighting => ({ at, socket, type: "hello", cursor: id(n) });
const item =
  (socket: number, n: number) =>
  (at: number): Sighting => ({ at, socket, type: "item", ...entry(n) });
const text =
  (socket: number, n: number) =>
  (at: number): Sighting => {
    return { at, socket, type: "item", id: undefined, data: entry(n).data };
  };
const gap =
  (socket: number, n: number) =>
  (at: number): Sighting => {
    return { at, socket, type: "gap", cursor: id(n), reason: "replaced" };
  };
const shutdown =
  (socket: number) =>
  (at: number): Sighting => ({ at, socket, type: "shutdown" });
const close =
  (socket: number) =>
  (at: number): Sighting => ({ at, socket, type: "close" });
const leave =
  (socket: number) =>
  (at: number): Sighting => ({ at, socket, type: "leave" });
const end =
  (socket: number) =>
  (at: number): Sighting => ({ at, socket, type: "end", code: 1006 });

const kinds = (faults: readonly { readonly kind: string }[]) => faults.map(({ kind }) => kind);
const framesOf = (overlap: boolean, ...steps: readonly Step[]) => judgeFrames(seen(...steps), truth, { overlap });
const faultsOf = (...steps: readonly Step[]) => kinds(framesOf(true, ...steps).faults);

describe("the journal", () => {
  const published = new Map(entries(1, 2, 3).map((one) => [one.data, one.id]));
  const judge = (list: readonly Entry[], acked = published) => kinds(judgeJournal(new Truth(list), acked));

  test("everything once, where it was acked", () => assert.deepEqual(judge(entries(1, 2, 3)), []));
  test("an item that was acked and is not there", () => assert.deepEqual(judge(entries(1, 2)), ["lost"]));
  test("one that is there twice", () => {
    assert.deepEqual(judge([...entries(1, 2, 3), { id: id(4), data: entry(2).data }]), ["repeat"]);
  });
  test("one that nobody published", () => assert.deepEqual(judge(entries(1, 2, 3, 4)), ["foreign"]));
  test("one in another place than was acked", () => {
    const acked = new Map([...published, [entry(3).data, id(9)]]);
    assert.deepEqual(judge(entries(1, 2, 3), acked), ["misplaced"]);
  });
  test("numbers that are not dense", () => {
    const sparse = new Map([...published, [entry(5).data, id(5)]]);
    assert.deepEqual(judge(entries(1, 2, 3, 5), sparse), ["hole"]);
    assert.deepEqual(judge(entries(1, 3, 2)), ["hole", "reordered"]);
  });
});

describe("what was given out", () => {
  const judge = (given: readonly Entry[], after = 2) => kinds(judgeGiven(given, after, truth));

  test("everything after the cursor, in order", () => assert.deepEqual(judge(entries(3, 4, 5, 6)), []));
  test("a loss at the end", () => assert.deepEqual(judge(entries(3, 4, 5)), ["lost"]));
  test("nothing at all", () => assert.deepEqual(judge([]), ["lost"]));
  test("a hole", () => assert.deepEqual(judge(entries(3, 5, 6)), ["hole"]));
  test("a hole at the beginning", () => assert.deepEqual(judge(entries(4, 5, 6)), ["hole"]));
  test("a repeat", () => assert.deepEqual(judge(entries(3, 4, 4, 5, 6)), ["repeat"]));
  test("an item of before the cursor", () => assert.deepEqual(judge(entries(2, 3, 4, 5, 6)), ["reordered"]));
  test("two in the wrong order", () => assert.deepEqual(judge(entries(3, 5, 4, 6)), ["hole", "reordered"]));
  test("another item in its place", () => {
    assert.deepEqual(judge([...entries(3, 4, 5), { id: "6-zzzzzzzz", data: entry(6).data }]), ["foreign"]);
    assert.deepEqual(judge([...entries(3, 4, 5), { id: id(6), data: '"item 5"' }]), ["foreign"]);
  });
});

describe("frames", () => {
  const FIRST = [start(0), hello(0, 1), item(0, 2), item(0, 3)];

  test("one connection", () => assert.deepEqual(faultsOf(...FIRST, item(0, 4), item(0, 5), item(0, 6)), []));

  test("a hand-over: what comes on both is counted, and no fault", () => {
    const verdict = framesOf(
      true,
      ...FIRST,
      shutdown(0),
      start(1, 3),
      item(0, 4),
      hello(1, 3),
      item(1, 4),
      leave(0),
      end(0),
      item(1, 5),
      item(1, 6),
    );
    assert.deepEqual(verdict, { faults: [], handedOver: 1, twice: 1 });
  });

  test("a connection that broke, and one that never came about", () => {
    assert.deepEqual(
      faultsOf(...FIRST, end(0), end(1), start(2, 3), hello(2, 3), item(2, 4), item(2, 5), item(2, 6)),
      [],
    );
  });

  test("loss, hole, repeat and order on one socket", () => {
    assert.deepEqual(faultsOf(...FIRST, item(0, 4), item(0, 5)), ["lost"]);
    assert.deepEqual(faultsOf(...FIRST, item(0, 4), item(0, 4), item(0, 5), item(0, 6)), ["repeat"]);
    // Each is one on the socket and one of the client.
    assert.deepEqual(faultsOf(...FIRST, item(0, 5), item(0, 6)), ["hole", "hole"]);
    assert.deepEqual(faultsOf(...FIRST, item(0, 5), item(0, 4), item(0, 6)), ["hole", "hole", "reordered"]);
  });

  test("a next connection that begins elsewhere than where the client was", () => {
    const rest = [item(1, 4), item(1, 5), item(1, 6)];
    assert.deepEqual(faultsOf(...FIRST, end(0), start(1, 2), hello(1, 2), item(1, 3), ...rest), ["misplaced"]);
    assert.deepEqual(faultsOf(...FIRST, end(0), start(1, 3), hello(1, 2), item(1, 3), ...rest), ["misplaced"]);
    assert.deepEqual(faultsOf(...FIRST, end(0), start(1, 3), hello(1, 4), item(1, 5), item(1, 6)), [
      "misplaced",
      "hole",
    ]);
    assert.deepEqual(faultsOf(...FIRST, end(0), start(1), hello(1, 6)), ["misplaced", "misplaced", "lost"]);
  });

  test("the old connection left, or ended, before the next one stood", () => {
    const rest = [hello(1, 3), item(1, 4), item(1, 5), item(1, 6)];
    for (const early of [leave(0), end(0), close(0)]) {
      assert.deepEqual(faultsOf(...FIRST, shutdown(0), start(1, 3), early, ...rest), ["broken_before_made"]);
    }
    // One that stood and went does not count.
    assert.deepEqual(
      faultsOf(
        ...FIRST,
        shutdown(0),
        start(1, 3),
        hello(1, 3),
        end(1),
        leave(0),
        start(2, 3),
        hello(2, 3),
        ...[4, 5, 6].map((n) => item(2, n)),
      ),
      ["broken_before_made"],
    );
  });

  test("without an overlap, the last word is waited for", () => {
    const rest = [start(1, 4), hello(1, 4), item(1, 5), item(1, 6)];
    const verdict = framesOf(false, ...FIRST, shutdown(0), item(0, 4), close(0), end(0), ...rest);
    assert.deepEqual(verdict, { faults: [], handedOver: 1, twice: 0 });
  });

  test("items before the hello and after the last word, and what is said twice", () => {
    const rest = [item(0, 4), item(0, 5), item(0, 6)];
    assert.deepEqual(faultsOf(start(0), item(0, 1), hello(0, 3), ...rest), ["out_of_turn"]);
    assert.deepEqual(faultsOf(...FIRST, ...rest, close(0), item(0, 6)), ["out_of_turn"]);
    assert.deepEqual(faultsOf(...FIRST, hello(0, 3), ...rest), ["out_of_turn", "misplaced"]);
    assert.deepEqual(faultsOf(...FIRST, shutdown(0), shutdown(0), ...rest), ["out_of_turn"]);
  });

  test("a gap", () => assert.deepEqual(faultsOf(...FIRST, gap(0, 6)), ["gap", "lost"]));
  test("another item in its place", () => {
    const other: Sighting = { at: 0, socket: 0, type: "item", id: "4-zzzzzzzz", data: entry(4).data };
    assert.deepEqual(
      faultsOf(...FIRST, () => other, item(0, 5), item(0, 6)),
      ["foreign"],
    );
  });
  test("nothing at all", () => assert.deepEqual(faultsOf(), ["lost"]));
});

describe("text frames", () => {
  const judge = (owed: number, ...steps: readonly Step[]) => kinds(judgeText(seen(...steps), truth, () => owed));
  const LAST = [text(1, 5), text(1, 6)];

  test("from the first item to the last word, and on the next connection whatever comes then", () => {
    assert.deepEqual(judge(3, text(0, 1), text(0, 2), shutdown(0), text(0, 3), close(0), end(0), ...LAST), []);
    assert.deepEqual(judge(3, text(0, 1), end(0), ...LAST), []);
    assert.deepEqual(judge(3, shutdown(0), close(0), ...LAST), []);
  });
  test("hole, repeat, order, loss", () => {
    assert.deepEqual(judge(0, text(0, 1), text(0, 3), ...LAST), ["hole"]);
    assert.deepEqual(judge(0, text(0, 1), text(0, 1), ...LAST), ["repeat"]);
    assert.deepEqual(judge(0, text(0, 1), text(0, 3), text(0, 2), ...LAST), ["hole", "reordered"]);
    assert.deepEqual(judge(0, text(0, 1), text(1, 5)), ["lost"]);
  });
  test("the last word too early, or none", () => {
    assert.deepEqual(judge(2, text(0, 1), shutdown(0), close(0), ...LAST), ["cut_short"]);
    assert.deepEqual(judge(0, text(0, 1), shutdown(0), end(0), ...LAST), ["cut_short"]);
  });
  test("something after the last word, or that nobody published", () => {
    assert.deepEqual(judge(0, text(0, 1), shutdown(0), close(0), text(0, 2), ...LAST), ["out_of_turn"]);
    assert.deepEqual(judge(0, text(0, 1), close(0), ...LAST), ["out_of_turn"]);
    assert.deepEqual(judge(0, text(0, 7), ...LAST), ["foreign"]);
  });
});

test("the longest pause that ends in a span", () => {
  assert.equal(longestPause([0, 10, 40, 50, 150], 0, 1_000), 100);
  assert.equal(longestPause([0, 10, 40, 50, 150], 0, 100), 30);
  assert.equal(longestPause([0, 10, 40, 50, 150], 45, 100), 10);
  assert.equal(longestPause([5], 0, 100), 0);
});
