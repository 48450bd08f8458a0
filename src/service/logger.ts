import { hostname } from "node:os";
import { type DestinationStream, destination, type Logger, pino } from "pino";
import type { LogLevel } from "./settings.js";

export interface ServiceLog {
  readonly log: Logger;
  /** Resolves when every line is written, or after a second: a reader that stopped must not hold up the exit. */
  flush(): Promise<void>;
}

const FLUSH_MS = 1_000;

/** JSON lines on stdout, written without waiting for the reader, in whole lines, none lost at exit. */
export function createLog(level: LogLevel, pod: string, version: string): ServiceLog {
  // A least length of 1 changes nothing but this: `flush` waits for the write under way (with 0 it does not wait at all).
  const out = destination({ dest: 1, sync: false, minLength: 1 });
  const log = pino(
    {
      level,
      base: { pod, version, pid: process.pid, host: hostname() },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    out satisfies DestinationStream,
  );
  return {
    log,
    flush: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, FLUSH_MS);
        out.flush(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}
