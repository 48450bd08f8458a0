import type { Protocol } from "./record.js";

/** What is done on purpose while a round runs. */
export const CHAOS = ["kill", "pause", "slow-client", "half-open"] as const;
export type Chaos = (typeof CHAOS)[number];

/** What the verdict goes by. */
export const JUDGE = ["all", "items"] as const;
export type Judge = (typeof JUDGE)[number];

/** One rehearsal; all times in ms. Whoever makes it has checked it. */
export interface RehearsalOptions {
  readonly stage: LocalStageOptions | RemoteStageOptions;
  readonly clients: number;
  /** Given out in turn: client `i` speaks `protocols[i % protocols.length]`; named twice is twice as many. */
  readonly protocols: readonly Protocol[];
  /** The module that speaks a foreign service's protocol, as a path; needed by the protocol `adapter`. */
  readonly adapter: string | undefined;
  /** Items per second, of all publishers together; 0 publishes nothing (the service has items of its own). */
  readonly rate: number;
  /** Each has its own share of the rate, and sends its next item when the one before is acked. */
  readonly publishers: number;
  /** Bytes added to each item. */
  readonly padBytes: number;
  /** Where items are published and read, on the service's origin. */
  readonly itemsPath: string;
  /** HTTP requests per second, every other one on a connection of its own; 0 sends none. */
  readonly requests: number;
  /** What they ask for: a route that shows that requests are served. */
  readonly requestPath: string;
  readonly rounds: number;
  /** Load without any trouble before the first round, and between two. */
  readonly steadyMs: number;
  /** After the last round: how long it may take until every connection is replaced and everybody has the sentinel. */
  readonly settleMs: number;
  readonly chaos: readonly Chaos[];
  /**
   * `items`: requests that fail and goodbyes that are not said are reported, not judged; for a rollout that kills, as some
   * chaos does. Items are judged always.
   */
  readonly judge: Judge;
  /** The same seed makes the same choices: who is killed, and when. */
  readonly seed: number;
}

/** Replicas of this very program on this machine, rolled as Kubernetes does. */
export interface LocalStageOptions {
  readonly type: "local";
  readonly replicas: number;
  /** Replicas that may be started beyond `replicas` at a time. */
  readonly maxSurge: number;
  /** P: between the deletion and SIGTERM. */
  readonly preStopMs: number;
  /** W and Wmax: the replicas' own window after the deletion. */
  readonly windowMs: number;
  readonly windowMaxMs: number;
  /** S: over which clients are spread as they leave. */
  readonly staggerMs: number;
  /** From the deletion to SIGKILL; preStop counts in it. */
  readonly graceMs: number;
  /** From the deletion until the balancer sends no newcomers any more. */
  readonly lagMs: number;
  /** `lmdb:<folder>` or `redis://…`; absent: LMDB in a folder that is removed at the end. */
  readonly journal: string | undefined;
  /**
   * The command that runs one replica, which is given `PORT`; absent: this very program (`serve`). Something else than
   * lastcall has to answer `readyPath`, and is sent SIGTERM all the same.
   */
  readonly program: readonly [file: string, ...args: string[]] | undefined;
  /** What a replica's readiness is asked with. */
  readonly readyPath: string;
  /** More settings of the replicas, as environment variables; they win over all others. */
  readonly env: Readonly<Record<string, string>>;
}

/** Something that runs already, and a shell command that rolls it. */
export interface RemoteStageOptions {
  readonly type: "remote";
  /** `ws:`, `wss:`, `http:` or `https:`; without a path `/ws` (`/events` for SSE). */
  readonly url: string;
  /** Absent: somebody rolls it by hand, within `settleMs`. */
  readonly rollout: string | undefined;
}

export const LOCAL_DEFAULTS: LocalStageOptions = {
  type: "local",
  replicas: 3,
  maxSurge: 1,
  preStopMs: 1_000,
  windowMs: 4_000,
  windowMaxMs: 15_000,
  staggerMs: 5_000,
  graceMs: 60_000,
  lagMs: 2_000,
  journal: undefined,
  program: undefined,
  readyPath: "/ready",
  env: {},
};

export const DEFAULTS: RehearsalOptions = {
  stage: LOCAL_DEFAULTS,
  clients: 50,
  protocols: ["lastcall.v1", "lastcall.v1", "lastcall.v1", "sse", "text"],
  adapter: undefined,
  rate: 40,
  publishers: 4,
  padBytes: 0,
  itemsPath: "/items",
  requests: 20,
  requestPath: "/items?limit=1",
  rounds: 1,
  steadyMs: 3_000,
  settleMs: 90_000,
  chaos: [],
  judge: "all",
  seed: 1,
};
