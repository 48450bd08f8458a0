/** What a rehearsal tells while it runs; whoever shows it (a live view, plain lines) implements this. */

/** In this order; `rolling` and the `steady` before it once for each round. */
export const STEPS = ["starting", "connecting", "steady", "rolling", "settling", "checking", "stopping"] as const;
export type Step = (typeof STEPS)[number];

export interface ReplicaSample {
  readonly name: string;
  readonly state: "starting" | "ready" | "deleted" | "draining" | "gone";
  /** TCP connections that stand through the balancer. */
  readonly connections: number;
}

/** How it stands at one moment; counts since the start, unless said otherwise. */
export interface Sample {
  /** Ms since the rehearsal began. */
  readonly at: number;
  readonly step: Step;
  /** Round that runs or ran last, from 1; 0 before. */
  readonly round: number;
  readonly clients: number;
  /** Clients that have a connection now. */
  readonly connected: number;
  /** Connections that came about, and attempts that did not. */
  readonly connections: number;
  readonly refused: number;
  /** Items that arrived at all clients together. */
  readonly received: number;
  /** Of these, on a connection each for itself, as far as can be said before the journal is known. */
  readonly lost: number;
  readonly repeated: number;
  readonly outOfOrder: number;
  readonly published: number;
  readonly acked: number;
  readonly requests: number;
  readonly requestsFailed: number;
  /** Empty where replicas are not ours to see. */
  readonly replicas: readonly ReplicaSample[];
}

export interface Progress {
  step(step: Step, text: string): void;
  /** About four times a second. */
  sample(sample: Sample): void;
  /** Something happened: one line, without its line end (a replica was deleted, the rollout command said something). */
  line(text: string): void;
}

/** Shows nothing. */
export const silent: Progress = { step() {}, sample() {}, line() {} };
