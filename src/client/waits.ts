import { type BackoffOptions, backoffMs } from "./backoff.js";
import type { Lost } from "./ends.js";

/** Ceiling of the wait after the first try to hand over that failed, ms; it doubles with every try. */
const RETRY_MS = 1_000;

/** How the waits are spread. */
export interface Spread {
  readonly random: () => number;
  readonly backoff: BackoffOptions;
}

/** How long to wait after a connection was lost, and whether the server asked for it, so that nothing cuts it short. */
export interface Wait {
  readonly ms: number;
  readonly wished: boolean;
}

/**
 * @param slotMs what is left of the slot that the server gave before it closed: kept, and spread already.
 * @param attempt attempts since the last connection that gave something.
 */
export function waitAfter(
  { atOnce, retryAfterMs }: Pick<Lost, "atOnce" | "retryAfterMs">,
  slotMs: number,
  attempt: number,
  { random, backoff }: Spread,
): Wait {
  const wishedMs = Math.max(slotMs, retryAfterMs);
  const first = attempt === 0 && (atOnce || slotMs > 0);
  return { ms: wishedMs + (first ? 0 : backoffMs(attempt, random, backoff)), wished: wishedMs > 0 };
}

/**
 * How long to wait before another try to hand over, ms: so that there is one before the server closes. A server that goes
 * on beyond that is left at the usual pace.
 *
 * @param failed tries that came to nothing: at least 1.
 */
export function againMs(failed: number, closesInMs: number, { random, backoff }: Spread): number {
  if (closesInMs < RETRY_MS) return backoffMs(failed, random, backoff);
  return random() * Math.min(RETRY_MS * 2 ** (failed - 1), closesInMs / 2);
}
