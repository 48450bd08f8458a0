import { hostname } from "node:os";
import { type Logger, pino } from "pino";
import sonicBoom from "sonic-boom";
import type { LogLevel } from "./settings.js";

export interface ServiceLog {
  readonly log: Logger;
  /**
   * Resolves when every line is written, or after `limitMs` (default 1,000): a reader that stopped must not hold up the
   * exit. Nothing is written after it by itself.
   */
  flush(limitMs?: number): Promise<void>;
}

/** Beyond this many unwritten bytes, lines are dropped: a reader that stopped must not fill the memory either. */
const BUFFER_BYTES = 8 * 1024 * 1024;

/**
 * JSON lines on stdout, whole ones, written without waiting for the reader. Not pino's own destination: that writes the
 * rest when the process exits, synchronously, and on a full pipe or a closed terminal it tries for ever.
 */
export function createLog(level: LogLevel, pod: string, version: string): ServiceLog {
  // A least length of 1 changes nothing but this: `flush` waits for the write under way (with 0 it does not wait at all).
  const out = new sonicBoom.SonicBoom({ fd: 1, sync: false, minLength: 1, maxLength: BUFFER_BYTES });
  let broken = false;
  out.on("error", () => {
    broken = true;
  });
  const log = pino(
    {
      level,
      base: { pod, version, pid: process.pid, host: hostname() },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    out,
  );
  return {
    log,
    flush: (limitMs = 1_000) =>
      new Promise((resolve) => {
        if (broken) return resolve();
        const timer = setTimeout(resolve, limitMs);
        const done = () => {
          clearTimeout(timer);
          resolve();
        };
        out.once("error", done);
        out.flush(done);
      }),
  };
}
