import { describe } from "node:test";
import { appendContract } from "./contract/append.js";
import { followContract } from "./contract/follow.js";
import { followGapContract } from "./contract/follow-gaps.js";
import { keyContract } from "./contract/keys.js";
import { fresh, type OpenStore } from "./contract/kit.js";
import { lifeContract } from "./contract/life.js";
import { readContract } from "./contract/read.js";
import { retentionContract } from "./contract/retention.js";

export type { OpenStore, Store } from "./contract/kit.js";

/**
 * Registers the suite that every backend passes: the text of src/journal/port.ts, asked from outside only. `open` makes
 * a store that nobody used before; what it cannot do (see `Store`) is skipped, and shown as skipped.
 */
export function journalContract(name: string, open: OpenStore): void {
  const make = fresh(open);
  describe(`journal contract: ${name}`, { timeout: 120_000 }, () => {
    describe("append", () => appendContract(make));
    describe("keys", () => keyContract(make));
    describe("read", () => readContract(make));
    describe("retention", () => retentionContract(make));
    describe("follow", () => followContract(make));
    describe("follow: gaps", () => followGapContract(make));
    describe("life", () => lifeContract(make));
  });
}
