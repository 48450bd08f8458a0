import { LastcallError } from "../base/errors.js";
import type { LocalStageOptions } from "./options.js";

/** Kept between the end of a replica's own budget and SIGKILL, ms. */
export const MARGIN_MS = 2_000;

/** What the phases after the window have by default, ms: finish, close, requests, release. */
const PHASES = {
  FINISH_TIMEOUT_SECONDS: 5_000,
  CLOSE_TIMEOUT_SECONDS: 5_000,
  REQUESTS_TIMEOUT_SECONDS: 10_000,
  RELEASE_TIMEOUT_SECONDS: 5_000,
};

/**
 * The replicas' settings that go with the stage's times, as a chart would set them: what the platform waits before SIGTERM
 * and what it leaves until SIGKILL. A short grace period shortens the phases evenly.
 * @throws LastcallError `invalid_request` when nothing is left for them
 */
export function budgetOf(options: LocalStageOptions): Readonly<Record<string, string>> {
  const { preStopMs, windowMs, windowMaxMs, staggerMs, graceMs } = options;
  const timeoutMs = graceMs - preStopMs - MARGIN_MS;
  const leftMs = timeoutMs - Math.max(0, windowMaxMs - preStopMs);
  const wantedMs = Object.values(PHASES).reduce((sum, ms) => sum + ms, staggerMs);
  const share = Math.min(1, leftMs / wantedMs);
  if (!(share > 0)) {
    const neededMs = Math.max(preStopMs, windowMaxMs) + MARGIN_MS;
    throw new LastcallError(
      "invalid_request",
      `the grace period: expected more than ${neededMs} ms, got ${graceMs} ms`,
    );
  }
  // Rounded down to the millisecond: the sum must not come out above the whole.
  const seconds = (ms: number) => String(Math.floor(ms) / 1_000);
  return {
    GRACEFUL_SHUTDOWN_TIMEOUT: seconds(timeoutMs),
    PRESTOP_SLEEP_SECONDS: seconds(preStopMs),
    ENDPOINT_REMOVAL_SECONDS: seconds(windowMs),
    ENDPOINT_REMOVAL_MAX_SECONDS: seconds(windowMaxMs),
    DRAIN_STAGGER_SECONDS: seconds(staggerMs * share),
    ...Object.fromEntries(Object.entries(PHASES).map(([name, ms]) => [name, seconds(ms * share)])),
  };
}
