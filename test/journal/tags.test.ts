import assert from "node:assert/strict";
import { it } from "node:test";
import { createTags } from "../../src/journal/tags.js";
import { isId, makeId } from "../../src/protocol/ids.js";

it("makes tags that fit an id, and no two alike", () => {
  const tag = createTags();
  const tags = Array.from({ length: 5_000 }, tag);
  assert.ok(tags.every((t) => isId(makeId(1, t))));
  assert.equal(new Set(tags).size, tags.length);
});

it("takes each digit from the same number of byte values", () => {
  const fill = (bytes: Uint8Array) => {
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = i % 256;
  };
  const tag = createTags(fill);
  const digits = Array.from({ length: 63 }, tag).join("");
  const counts = new Map<string, number>();
  for (const digit of digits) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  assert.deepEqual([...counts.keys()].sort().join(""), "0123456789abcdefghijklmnopqrstuvwxyz");
  assert.deepEqual([...new Set(counts.values())], [14]);
});

it("makes whole tags however many bytes were thrown away", () => {
  let fills = 0;
  const tag = createTags((bytes) => {
    fills += 1;
    bytes.fill(255);
    bytes.fill(fills % 36, 0, 3);
  });
  assert.deepEqual([tag(), tag()], ["11122233", "34445556"]);
});
