import type { ReplicaSample } from "./progress-port.js";
import type { ReplicaRecord } from "./record.js";
import type { Replica } from "./replica.js";

/** Tells what was done, as it is done. */
export type Act = (what: string) => void;

export interface Processes {
  /** Those that run, whatever they are about. */
  running(): readonly Replica[];
  /** Ends one on purpose, as a node that fails does. */
  kill(replica: Replica): void;
  /** From now on nothing passes on the connection from this local port of ours, and nobody is told. */
  hold(localPort: number): void;
}

/** What the rehearsal is held on: something that serves, and can be rolled. */
export interface Stage {
  /** Where everybody connects; its path is the WebSockets', where one was given. */
  readonly url: URL;
  /** Makes it ready to serve. */
  start(signal: AbortSignal): Promise<void>;
  /** Replaces everything that serves; settles when the old ones are gone, as far as can be seen from here. */
  roll(act: Act, signal: AbortSignal): Promise<void>;
  /** Settles when what was killed is replaced. */
  whole(): Promise<void>;
  /** Which replica the connection from this local port of ours was sent to, if that can be known. */
  replicaOf(localPort: number): string | undefined;
  records(): readonly ReplicaRecord[];
  samples(): readonly ReplicaSample[];
  /** Its replicas, where they are processes that can be laid hands on. */
  readonly processes: Processes | undefined;
  /** Nothing that it started is left when this settles. */
  close(): Promise<void>;
}
