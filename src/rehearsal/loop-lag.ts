import { monitorEventLoopDelay } from "node:perf_hooks";

/** Between two looks at the event loop, ms. */
const RESOLUTION_MS = 10;

export interface LoopWatch {
  /** Forgets what was so far. */
  reset(): void;
  p99Ms(): number;
  stop(): void;
}

/** Delay of this process's own event loop: beyond some what a rehearsal measures is itself. */
export function watchLoop(): LoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    reset: () => histogram.reset(),
    // It measures from one look to the next, which includes the time between them.
    p99Ms: () => Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS),
    stop: () => void histogram.disable(),
  };
}
