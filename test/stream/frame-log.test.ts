import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Entry } from "../../src/journal/port.js";
import { makeId, numberOf } from "../../src/protocol/ids.js";
import { FrameLog, SEGMENT_BYTES, type Slice } from "../../src/stream/frame-log.js";
import { entries, idsIn, lineEncoding } from "./kit.js";

const BASE = makeId(0, "basebase");
/** Segments the log keeps; see there. */
const SEGMENTS = 8;

function log(at = BASE) {
  return new FrameLog(lineEncoding(), at);
}

/** Everything after item `n`, slice by slice, as a session would take it. */
function takeAll(frames: FrameLog, n: number): Slice[] {
  const slices: Slice[] = [];
  for (let at = n; at < frames.n; ) {
    const slice = frames.after(at);
    assert.ok(slice, `nothing after ${at} of ${frames.n}`);
    assert.ok(slice.n > at);
    slices.push(slice);
    at = slice.n;
  }
  return slices;
}

describe("what is taken", () => {
  test("is whole, in order and without a hole, from any place", () => {
    const frames = log();
    const all = entries(1, 300, 100);
    frames.append(all.slice(0, 120));
    frames.append(all.slice(120));
    for (let n = 0; n < 300; n += 1) {
      const slices = takeAll(frames, n);
      assert.deepEqual(
        slices.flatMap(({ bytes }) => idsIn(bytes)),
        all.slice(n).map(({ id }) => id),
      );
      for (const slice of slices) {
        const ids = idsIn(slice.bytes);
        assert.deepEqual([slice.items, slice.id, slice.n], [ids.length, ids.at(-1), numberOf(slice.id)]);
      }
    }
  });

  test("is nothing at the head, ahead of it, and before the window", () => {
    const frames = log(makeId(7, "basebase"));
    assert.equal(frames.after(7), undefined);
    frames.append(entries(8, 3));
    for (const n of [0, 6, 10, 11, 99]) assert.equal(frames.after(n), undefined, `${n}`);
    assert.deepEqual([frames.n, frames.id], [10, entries(10, 1)[0]?.id]);
  });

  test("is the same slice for all who are at one place, until something is added", () => {
    const frames = log();
    frames.append(entries(1, 2));
    const first = frames.after(0);
    assert.equal(frames.after(0), first);
    frames.append(entries(3, 1));
    const second = frames.after(0);
    assert.equal(second?.n, 3);
    frames.after(1);
    assert.deepEqual(frames.after(0), second);
  });

  test("is remembered no longer than it is true: not after what was missing came, nor after a reset", () => {
    const frames = log();
    assert.equal(frames.after(0), undefined);
    frames.append(entries(1, 1));
    assert.equal(frames.after(0)?.n, 1);
    frames.reset(BASE);
    assert.equal(frames.after(0), undefined);
    frames.append([{ id: makeId(1, "otherone"), at: 0, data: "new" }]);
    assert.equal(frames.after(0)?.id, makeId(1, "otherone"));
  });

  test("does not change under a socket that still holds it", () => {
    const frames = log();
    const kept: { readonly slice: Slice; readonly copy: Buffer }[] = [];
    for (let n = 1; n <= 3_000; n += 1) {
      frames.append(entries(n, 1, 300));
      const slice = frames.after(n - 1);
      assert.ok(slice);
      kept.push({ slice, copy: Buffer.from(slice.bytes) });
    }
    frames.reset(BASE);
    frames.append(entries(1, 500, 300));
    for (const { slice, copy } of kept) assert.deepEqual(Buffer.from(slice.bytes), copy);
  });
});

describe("memory", () => {
  test("a segment is never larger than its limit; a quiet stream's is small", () => {
    const frames = log();
    frames.append(entries(1, 1));
    assert.ok((frames.after(0)?.bytes.buffer.byteLength ?? 0) <= 4_096);
    for (let n = 2; n < 4_000; n += 1) {
      frames.append(entries(n, 1, 200));
      const bytes = frames.after(n - 1)?.bytes.buffer.byteLength ?? 0;
      assert.ok(bytes > 0 && bytes <= SEGMENT_BYTES, `${bytes}`);
    }
  });

  test("the window is bounded, and reaches back at least one segment", () => {
    const frames = log();
    const bytes = 1_000;
    for (let n = 1; n <= 2_000; n += 1) frames.append(entries(n, 1, bytes));
    let oldest = 2_000;
    while (frames.after(oldest - 1) !== undefined) oldest -= 1;
    const kept = (2_000 - oldest) * bytes;
    assert.ok(kept <= SEGMENTS * SEGMENT_BYTES, `${kept}`);
    assert.ok(kept >= SEGMENT_BYTES, `${kept}`);
  });

  test("an item larger than a segment has one of its own, and what follows is of ordinary size again", () => {
    const frames = log();
    frames.append([...entries(1, 2), ...entries(3, 1, 3 * SEGMENT_BYTES), ...entries(4, 2)]);
    const slices = takeAll(frames, 0);
    assert.deepEqual(
      slices.map(({ items }) => items),
      [2, 1, 2],
    );
    assert.deepEqual(
      slices.flatMap(({ bytes }) => idsIn(bytes)),
      entries(1, 5).map(({ id }) => id),
    );
    assert.ok((slices[2]?.bytes.buffer.byteLength ?? 0) <= SEGMENT_BYTES);
  });
});

describe("holds", () => {
  test("judges by number and tag: the head, every item of the window, nothing else", () => {
    const frames = log();
    assert.ok(frames.holds(0, BASE));
    assert.ok(!frames.holds(0, makeId(0, "otherone")));
    const all = entries(1, 50);
    frames.append(all);
    for (const { id } of all) {
      assert.ok(frames.holds(numberOf(id), id), id);
      const forged = makeId(numberOf(id), "otherone");
      assert.ok(!frames.holds(numberOf(forged), forged), forged);
    }
    assert.ok(!frames.holds(51, makeId(51, "otherone")));
  });

  test("what it holds, it can go on from", () => {
    const frames = log();
    const all = entries(1, 3_000, 500);
    frames.append(all);
    let held = 0;
    for (const { id } of all.slice(0, -1)) {
      if (!frames.holds(numberOf(id), id)) continue;
      held += 1;
      assert.equal(takeAll(frames, numberOf(id)).at(-1)?.n, 3_000);
    }
    assert.ok(held > 0 && held < 2_999);
  });

  test("forgets everything at a reset but the place it goes on from", () => {
    const frames = log();
    const all = entries(1, 5);
    frames.append(all);
    const at = makeId(3, "newplace");
    frames.reset(at);
    for (const { id } of all) assert.ok(!frames.holds(numberOf(id), id), id);
    assert.ok(frames.holds(3, at));
    assert.deepEqual([frames.n, frames.id], [3, at]);
  });
});

test("does what an array would do, as far as its window reaches", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.array(fc.integer({ min: 10, max: 9_000 }), { minLength: 1, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom([70_000], [10, 200_000, 10]) },
    { weight: 1, arbitrary: fc.constant("reset" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const frames = log();
      let model: Entry[] = [];
      let made = 0;
      for (const one of steps) {
        if (one === "reset") {
          frames.reset(makeId(0, "newplace"));
          model = [];
        } else {
          const added = one.map((bytes, i): Entry => {
            made += 1;
            const id = makeId(model.length + i + 1, made.toString(36).padStart(8, "0"));
            return { id, at: 0, data: "".padEnd(bytes, ".") };
          });
          frames.append(added);
          model.push(...added);
        }
        let reachable = true;
        for (let n = model.length - 1; n >= 0; n -= 1) {
          const slice = frames.after(n);
          // The window has one edge: what is behind it stays behind it.
          assert.ok(reachable || slice === undefined);
          reachable = slice !== undefined;
          if (slice === undefined) continue;
          const expected = model.slice(n, slice.n).map(({ id }) => id);
          assert.deepEqual(idsIn(slice.bytes), expected);
          assert.deepEqual([slice.items, slice.id], [expected.length, expected.at(-1)]);
        }
      }
    }),
    { numRuns: 60 },
  );
});
