import type { FrameLog } from "./frame-log.js";
import type { Pump } from "./pump.js";

/** One encoding's log and those who read it. */
export interface Line {
  readonly log: FrameLog;
  readonly pump: Pump;
  /** Sessions that read it, or wait to. */
  sessions: number;
}
