import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { KeyTable, MAX_KEYS } from "../../src/journal/keys.js";
import { item, refused } from "./contract/kit.js";

const LIFE_MS = 100;

it("knows every key for its whole life and not a moment longer, however the calls fall", () => {
  const uses = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 130 }), key: fc.constantFrom("a", "b", "c") }));
  fc.assert(
    fc.property(uses, (uses) => {
      const table = new KeyTable(LIFE_MS);
      const learned = new Map<string, number>();
      let now = 0;
      for (const { wait, key } of uses) {
        now += wait;
        table.prepare(1, now);
        const at = learned.get(key);
        const verdict = table.judge(item({ key }), now);
        if (at !== undefined && now - at < LIFE_MS) {
          assert.deepEqual(verdict, { type: "same", id: `${at + 1}-aaaaaaaa` });
        } else {
          assert.deepEqual(verdict, { type: "unknown" });
          table.learn(item({ key }), `${now + 1}-aaaaaaaa`, now);
          learned.set(key, now);
        }
      }
    }),
  );
});

it("refuses more keys than it can hold, until they have expired", () => {
  const table = new KeyTable(LIFE_MS);
  table.prepare(1, 0);
  table.learn(item({}), "1-aaaaaaaa", 0);
  table.prepare(MAX_KEYS - 1, 99);
  assert.throws(() => table.prepare(MAX_KEYS, 99), refused("overloaded"));
  table.prepare(MAX_KEYS, LIFE_MS);
});
