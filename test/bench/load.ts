/** The load program (load.c) as a child: its clients, its commands and its report. */
import { compile } from "./machine.js";
import { startProgram } from "./program.js";

/** What the clients saw; the counts are defined in client.h. */
export interface LoadReport {
  readonly event: "done";
  readonly clients: number;
  readonly told: number;
  readonly flushed: number;
  readonly closed: number;
  readonly closed1012: number;
  readonly echoed: number;
  readonly inOrder: number;
  readonly broken: number;
  readonly resets: number;
  readonly open: number;
  readonly items: number;
  readonly pings: number;
  readonly bytes: number;
  /** CLOCK_MONOTONIC milliseconds of the first SHUTDOWN, the last one, and the last connection's end; 0 for never. */
  readonly firstToldMs: number;
  readonly lastToldMs: number;
  readonly lastEndMs: number;
  /** CPU time of the load since `mark`, in milliseconds. */
  readonly cpuMs: number;
  /** Close codes and how many clients got each; "0" is no close frame at all. */
  readonly codes: Readonly<Record<string, number>>;
}

interface Connected {
  readonly event: "connected";
  readonly connected: number;
  readonly refused: number;
}

export interface Load {
  /** Counts the load's CPU time from here. */
  mark(): void;
  /** Resolves when every connection has ended. */
  readonly done: Promise<LoadReport>;
}

let program: string | undefined;

/** Opens `clients` WebSocket connections without a subprotocol, and resolves when all of them stand. */
export async function startLoad(port: number, clients: number, finals: number): Promise<Load> {
  program ??= compile("load");
  const child = startProgram([program, String(port), "/ws", String(clients), String(finals)]);
  const connected = await child.next<Connected>("connected");
  if (connected.refused > 0) {
    child.say("stop");
    throw new Error(`${connected.refused} of ${clients} connections were refused`);
  }
  const done = Promise.all([child.next<LoadReport>("done"), child.ended]).then(([report]) => report);
  return { mark: () => child.say("mark"), done };
}
