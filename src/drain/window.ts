import { type Clock, sleep } from "../base/clock.js";
import type { Arrivals } from "./ports.js";

/** Without a new arrival for this long, the endpoint is taken as removed everywhere. */
export const QUIET_MS = 1_000;

/**
 * Waits at least `minMs`, then until nobody new has arrived for `QUIET_MS`. The upper bound is the phase's cap.
 */
export async function awaitQuiet(clock: Clock, arrivals: Arrivals, minMs: number, signal: AbortSignal): Promise<void> {
  const earliest = clock.now() + minMs;
  while (!signal.aborted) {
    const last = arrivals.lastAt();
    const quietAt = last === undefined ? earliest : Math.max(earliest, last + QUIET_MS);
    const wait = quietAt - clock.now();
    if (wait <= 0) return;
    await sleep(clock, wait, signal);
  }
}
