import { type Clock, type Signal, sleep } from "../base/clock.js";
import type { Progress } from "./progress-port.js";

/** What every part of one rehearsal shares. */
export interface Context {
  readonly clock: Clock;
  /** Ms since the rehearsal began: the time of everything in its record. */
  now(): number;
  /** From 0 up to, not including, 1; by the options' seed. */
  readonly random: () => number;
  readonly progress: Progress;
  /** Something kept the rehearsal from going on as it should: the run is not to be trusted, and the record says why. */
  trouble(text: string): void;
}

/** Between two looks, ms. */
const LOOK_MS = 20;

/** Looks until it is so, `ms` at most, or until `signal` aborts; gives whether it came to be. */
export async function until({ clock }: Context, ms: number, so: () => boolean, signal: Signal): Promise<boolean> {
  const deadline = clock.now() + ms;
  while (!so()) {
    const left = deadline - clock.now();
    if (left <= 0 || !(await sleep(clock, Math.min(LOOK_MS, left), signal))) return so();
  }
  return true;
}

/** The same numbers for the same seed ("mulberry32", T. Ettinger 2017); good enough to choose by, and for nothing else. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of them; none of none. */
export function oneOf<T>(all: readonly T[], random: () => number): T | undefined {
  return all[Math.floor(random() * all.length)];
}
