import { systemClock } from "../../src/base/clock.js";
import type { Context } from "../../src/rehearsal/context.js";
import { markReader } from "../../src/rehearsal/marks.js";
import type { Watching } from "../../src/rehearsal/observer.js";
import { silent } from "../../src/rehearsal/progress-port.js";

export const RUN = "run-under-test";

export interface TestContext extends Context {
  readonly troubles: readonly string[];
}

/** Real time, and nobody who watches. */
export function context(): TestContext {
  const troubles: string[] = [];
  const trouble = (text: string) => void troubles.push(text);
  const { now } = systemClock;
  return { clock: systemClock, now, random: Math.random, progress: silent, trouble, troubles };
}

export function watching(more: Partial<Watching> = {}): Watching {
  const { now } = systemClock;
  const base = { clock: systemClock, now, random: () => 0, mark: markReader(RUN), silenceMs: 30_000 };
  return { ...base, replicaOf: () => undefined, ...more };
}
