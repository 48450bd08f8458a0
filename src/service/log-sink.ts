import { fstatSync } from "node:fs";
import sonicBoom from "sonic-boom";

/** Where log lines go. A reader that stalls, or is gone, holds nothing up. */
export interface LogSink {
  write(line: string): void;
  /** Calls `done` when every line is written, or none can be any more. */
  flush(done: () => void): void;
}

/** Beyond this many unwritten bytes, lines are dropped: a reader that stopped must not fill the memory. */
const BUFFER_BYTES = 8 * 1024 * 1024;

/** stdout, as what it is: a pipe or a socket, whose reader may stall; or a file or a terminal. */
export function stdoutSink(): LogSink {
  const stats = fstatSync(1);
  return stats.isFIFO() || stats.isSocket() ? pipeSink(process.stdout) : fileSink(1);
}

/**
 * A pipe is written by the event loop. Were it written by a thread, as files are, a full pipe would keep that thread, and
 * with it the exit of the process, until somebody reads.
 */
function pipeSink(out: NodeJS.WriteStream): LogSink {
  let broken = false;
  out.on("error", () => {
    broken = true;
  });
  return {
    write(line) {
      if (!broken && out.writableLength < BUFFER_BYTES) out.write(line);
    },
    flush(done) {
      if (broken || out.writableLength === 0) done();
      else out.write("", () => done());
    },
  };
}

/** Not pino's own destination: that writes the rest at the exit of the process, and on a full disk it tries for ever. */
function fileSink(fd: number): LogSink {
  // A least length of 1 changes nothing but this: `flush` waits for the write under way (with 0 it does not wait at all).
  const out = new sonicBoom.SonicBoom({ fd, sync: false, minLength: 1, maxLength: BUFFER_BYTES });
  let broken = false;
  out.on("error", () => {
    broken = true;
  });
  return {
    write: (line) => void out.write(line),
    flush(done) {
      if (broken) return done();
      out.once("error", done);
      out.flush(() => done());
    },
  };
}
