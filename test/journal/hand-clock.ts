import type { Clock } from "../../src/base/clock.js";

/** A clock that stands still until it is turned; for journals, which ask the time and set no timers. */
export interface HandClock extends Clock {
  advance(ms: number): void;
}

export function handClock(epoch = Date.UTC(2024, 0, 1)): HandClock {
  let passed = 0;
  return {
    now: () => passed,
    epoch: () => epoch + passed,
    after: () => {
      throw new Error("A journal under this clock sets no timers.");
    },
    advance(ms) {
      passed += ms;
    },
  };
}
