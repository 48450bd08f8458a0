/** Time, injected. Everything below the process edge asks a `Clock`, so tests can turn the hands themselves. */
export interface Clock {
  /** Milliseconds on a monotonic scale; only differences mean anything. */
  now(): number;
  /** Milliseconds since the Unix epoch (wall clock). */
  epoch(): number;
  /** Calls `callback` once after `ms` (at least 0); the returned function cancels it. */
  after(ms: number, callback: () => void): Cancel;
}

export type Cancel = () => void;

// The two globals every JavaScript host has; declared here because this layer is compiled without any host's types.
declare function setTimeout(callback: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare const performance: { now(): number };

/** Longest delay a host's timer takes (2^31 - 1 ms); beyond it `setTimeout` fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** The host's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  epoch: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** The part of the platform's `AbortSignal` that this project uses; the real one fits. */
export interface Signal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Settles after `ms`, or as soon as `signal` aborts: true when the whole time has passed. Never rejects. */
export function sleep(clock: Clock, ms: number, signal?: Signal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve(false);
    const onAbort = () => {
      cancel();
      resolve(false);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve(true);
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Settles when `signal` aborts; `stop` gives the listener back. */
export function aborted(signal: Signal): { readonly promise: Promise<void>; readonly stop: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((r) => {
    resolve = r;
  });
  // Not `resolve` itself: a signal calls its listeners with an event, and that would be what the promise gives.
  const onAbort = () => resolve();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", onAbort, { once: true });
  return { promise, stop: () => signal.removeEventListener("abort", onAbort) };
}
