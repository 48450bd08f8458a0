import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { FreezingProxy } from "../support/freezing-proxy.js";
import { type Env, Service } from "../support/service.js";
import type { TestPage } from "./test-page.js";

/** What two replicas share. */
export interface Pair {
  readonly a: Service;
  readonly b: Service;
  /** The way to the service: to `a`, until it is turned. */
  readonly proxy: FreezingProxy;
}

/** Two replicas on one journal, called a and b, and one address for both. */
export async function openPair(t: TestContext, env: Env): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), "browser-"));
  t.after(() => rm(folder, { recursive: true }));
  const shared = { JOURNAL_URL: `lmdb:${folder}`, FEED_INTERVAL_SECONDS: "0", ...env };
  const a = await Service.start(t, { ...shared, POD_NAME: "a" });
  const b = await Service.start(t, { ...shared, POD_NAME: "b" });
  return { a, b, proxy: await FreezingProxy.open(t, a.url) };
}

/** The page has 1, 2, 3, ... up to `last`, each once and in order, under ids that count the same way. */
export function assertAllNumbers({ items }: TestPage, last: number): void {
  const expected = Array.from({ length: last }, (_, i) => i + 1);
  assert.deepEqual(
    items.map(({ data }) => data),
    expected,
  );
  assert.deepEqual(
    items.map(({ id }) => Number.parseInt(id, 10)),
    expected,
  );
}
