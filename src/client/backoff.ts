export interface BackoffOptions {
  /** Ceiling of the first wait, ms. Default 1,000. */
  readonly firstMs?: number;
  /** Ceiling that no wait passes, ms. Default 30,000. */
  readonly maxMs?: number;
}

/**
 * How long to wait before the next attempt, ms: anything from 0 up to a ceiling that doubles with every attempt ("full
 * jitter": M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015). Spreading over the whole range is
 * what keeps clients that lost the same server from coming back together; the first range is as wide as that of Socket.IO
 * (500 to 1,500 ms), and begins at once.
 *
 * @param attempt attempts since the last connection that delivered something: 0 for the first.
 * @param random a number from 0 up to, not including, 1.
 */
export function backoffMs(attempt: number, random: () => number, options: BackoffOptions = {}): number {
  const { firstMs = 1_000, maxMs = 30_000 } = options;
  return random() * Math.min(maxMs, firstMs * 2 ** attempt);
}

/** Longest `Retry-After` that is honoured, ms: a slip of one server must not keep a client away for days. */
export const MAX_RETRY_AFTER_MS = 300_000;

/**
 * The wait a `Retry-After` header asks for, ms: a number of seconds or an HTTP date (RFC 9110 section 10.2.3), at most
 * `MAX_RETRY_AFTER_MS`. 0 when there is none or it is neither.
 *
 * @param epochMs the wall clock, ms since the Unix epoch.
 */
export function retryAfterMs(header: string | undefined, epochMs: number): number {
  const text = header?.trim() ?? "";
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : text.endsWith(" GMT") ? Date.parse(text) - epochMs : 0;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}
