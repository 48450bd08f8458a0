import assert from "node:assert/strict";
import { it } from "node:test";
import { Entries } from "../../src/journal/entries.js";

function filled(count: number): Entries {
  const entries = new Entries();
  for (let n = 1; n <= count; n += 1) entries.push({ id: `${n}-aaaaaaaa`, at: 0, data: `${n}` });
  return entries;
}

it("holds nothing of what was dropped, across chunks, at their edges and within one", () => {
  const entries = filled(5_000);
  let before = 0;
  for (const n of [1, 1_000, 1_024, 1_025, 4_096, 4_500]) {
    entries.drop(n);
    assert.equal(entries.dropped, n);
    for (let m = before + 1; m <= n; m += 1) assert.equal(entries.get(m), undefined, `${m} after drop(${n})`);
    assert.equal(entries.get(n + 1)?.data, `${n + 1}`);
    assert.equal(entries.after(n, 10_000).length, 5_000 - n);
    before = n;
  }
});

it("goes on after everything was dropped, in the middle of a chunk and at its end", () => {
  for (const count of [1, 1_000, 1_024, 2_048]) {
    const entries = filled(count);
    entries.drop(count);
    assert.deepEqual(entries.after(count, 10), []);
    entries.push({ id: "9-aaaaaaaa", at: 0, data: "next" });
    assert.equal(entries.last, count + 1);
    assert.equal(entries.get(count + 1)?.data, "next");
    assert.equal(entries.get(count + 2), undefined);
  }
});
