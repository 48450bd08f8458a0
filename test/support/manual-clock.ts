import type { Cancel, Clock } from "../../src/base/clock.js";

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock whose hands the test turns. Timers run in the order they are due, those due together in the order set. */
export class ManualClock implements Clock {
  readonly #epoch: number;
  #now = 0;
  #timers: Timer[] = [];

  /** @param epoch what `epoch()` says at first, ms since the Unix epoch. */
  constructor(epoch = Date.UTC(2025, 0, 1, 12)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  epoch(): number {
    return this.#epoch + this.#now;
  }

  after(ms: number, callback: () => void): Cancel {
    const timer: Timer = { due: this.#now + Math.max(0, ms), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How long each waiting timer still has, ms, the next one first. */
  get pending(): readonly number[] {
    return this.#timers.map((timer) => timer.due - this.#now).sort((a, b) => a - b);
  }

  /**
   * Turns the hands by `ms` and runs what comes due on the way, also what that sets in turn. What waits on promises runs
   * before the first timer and after each one, so that what it sets counts too.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#now = timer.due;
      timer.callback();
      await settle();
    }
    this.#now = end;
  }

  /** Takes the next timer due by `end` out of the list. */
  #next(end: number): Timer | undefined {
    const timer = this.#timers.reduce<Timer | undefined>(
      (first, other) => (other.due <= end && (first === undefined || other.due < first.due) ? other : first),
      undefined,
    );
    this.#timers = this.#timers.filter((other) => other !== timer);
    return timer;
  }
}

/** One turn of the event loop: every promise that can settle by itself has. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
