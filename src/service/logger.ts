import { hostname } from "node:os";
import { type Logger, pino } from "pino";
import { stdoutSink } from "./log-sink.js";
import type { LogLevel } from "./settings.js";

export interface ServiceLog {
  readonly log: Logger;
  /** Resolves when every line is written, or after `limitMs` (default 1,000), whatever the reader does. */
  flush(limitMs?: number): Promise<void>;
}

/**
 * JSON lines on stdout, whole ones, written without waiting for the reader. What is to be kept at the exit is flushed.
 * Every line also has what `mixin` gives.
 */
export function createLog(level: LogLevel, pod: string, version: string, mixin?: () => object): ServiceLog {
  const sink = stdoutSink();
  const log = pino(
    {
      level,
      ...(mixin && { mixin }),
      base: { pod, version, pid: process.pid, host: hostname() },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return {
    log,
    flush: (limitMs = 1_000) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        sink.flush(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}
