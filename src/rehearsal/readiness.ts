import { sleep } from "../base/clock.js";
import type { Context } from "./context.js";
import { http } from "./http.js";

/** Between two probes, and for one to be answered, ms: a kubelet's, made quick. */
const PERIOD_MS = 250;
const TIMEOUT_MS = 1_000;
/** Probes that have to fail one after the other; a single slow answer takes nobody out. */
const FAILURES = 2;

/** Probes as a kubelet does, until `signal` aborts, and tells whenever the answer changes; at first it is not ready. */
export async function followReadiness(
  { clock }: Context,
  url: URL,
  changed: (ready: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  let ready = false;
  let failures = 0;
  do {
    const ok = await probe(url, signal);
    if (signal.aborted) return;
    failures = ok ? 0 : failures + 1;
    if (ok !== ready && (ok || failures >= FAILURES)) {
      ready = ok;
      changed(ready);
    }
  } while (await sleep(clock, PERIOD_MS, signal));
}

async function probe(url: URL, signal: AbortSignal): Promise<boolean> {
  try {
    const { status } = await http(url, { timeoutMs: TIMEOUT_MS }, signal);
    return status >= 200 && status < 400;
  } catch {
    return false;
  }
}
