import assert from "node:assert/strict";
import { test } from "node:test";
import { makeId } from "../../src/protocol/ids.js";
import { type EncodedPage, PageStore } from "../../src/stream/page-store.js";
import { turns } from "./kit.js";

const MEGABYTE = 1_048_576;

/** Pages of a megabyte (that they say they are; the bytes do not matter here). */
function page(full = true): EncodedPage {
  const id = makeId(1, "tagtagta");
  return { type: "slice", slice: { bytes: Buffer.alloc(1), block: { bytes: MEGABYTE }, items: 1, n: 1, id }, full };
}

const add = (store: PageStore, key: string, loaded = page()) =>
  store.add(key, `${key}, for now`, Promise.resolve(loaded));

test("a page is remembered while it is loaded, and after that only if it stays true", async () => {
  const store = new PageStore();
  add(store, "full");
  add(store, "growing", page(false));
  add(store, "failed", { type: "failed" });
  add(store, "none", { type: "none", at: makeId(1, "tagtagta") });
  const keys = ["full", "growing", "failed", "none"];
  assert.deepEqual(
    keys.filter((key) => store.get(key)),
    keys,
  );
  await turns(1);
  const kept = [...keys, ...keys.map((key) => `${key}, for now`)].filter((key) => store.get(key));
  assert.deepEqual(kept, ["full", "growing, for now"]);
});

test("16 MiB are remembered, those read least recently forgotten first", async () => {
  const store = new PageStore();
  for (let i = 0; i < 20; i += 1) add(store, `growing ${i}`, page(false));
  await turns(1);
  assert.equal(Array.from({ length: 20 }, (_, i) => store.get(`growing ${i}, for now`)).filter(Boolean).length, 16);
  for (let i = 0; i < 16; i += 1) add(store, `${i}`);
  await turns(1);
  assert.ok(store.get("0"));
  for (let i = 16; i < 20; i += 1) add(store, `${i}`);
  await turns(1);
  const kept = Array.from({ length: 20 }, (_, i) => i).filter((i) => store.get(`${i}`));
  assert.deepEqual(kept, [0, ...Array.from({ length: 15 }, (_, i) => i + 5)]);
});

test("a page that was asked for anew while the first was loaded counts once", async () => {
  const store = new PageStore();
  for (let i = 0; i < 100; i += 1) {
    add(store, "same");
    add(store, "same", page(false));
  }
  add(store, "other");
  await turns(1);
  for (let i = 0; i < 14; i += 1) add(store, `${i}`);
  await turns(1);
  assert.ok(store.get("other"));
});
