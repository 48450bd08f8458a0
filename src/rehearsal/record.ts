/**
 * What a rehearsal saw, before anybody judges it: plain data, in the order it happened. Every time is in ms since the
 * rehearsal began, on a monotonic scale. Whoever observes only notes; whoever judges (ledger.ts) has nothing but this.
 */
import type { Id } from "../protocol/ids.js";

/** What an observer speaks; a foreign service is spoken to through an adapter of the user's. */
export type Protocol = "lastcall.v1" | "sse" | "text" | "adapter";

/** Which of the rehearsal's own items it is: publishers count from 1, each for itself, and publish one after the other. */
export interface Mark {
  readonly publisher: string;
  readonly n: number;
}

/**
 * What one client did and met. Connections are counted from 0, for each client anew; an attempt that failed is one too.
 * What a server sends after its client has left it is not noted.
 */
export type Sighting = { readonly at: number; readonly connection: number } & (
  | { readonly type: "dial" }
  /** It did not come about: an HTTP answer instead, or an error of the network by its code (`ECONNREFUSED`). */
  | { readonly type: "refused"; readonly status?: number; readonly error?: string }
  /** It stands; `replica` where it is known whose it is. */
  | { readonly type: "open"; readonly replica?: string | undefined }
  /** The client says where it begins; absent: from now on. */
  | { readonly type: "start"; readonly after: string | undefined }
  /** The server says where it begins. */
  | { readonly type: "hello"; readonly cursor: Id }
  /** Text and adapters give no ids; items that are not the rehearsal's have no mark. */
  | { readonly type: "item"; readonly id: Id | undefined; readonly mark: Mark | undefined }
  | { readonly type: "gap"; readonly after: string; readonly cursor: Id; readonly reason: string }
  | { readonly type: "shutdown" }
  /** The server's last word. */
  | { readonly type: "close" }
  /** The client let go of it. */
  | { readonly type: "leave" }
  /** It ended: with the close frame's code, or an error's (`ECONNRESET`), or neither (FIN, the end of a response). */
  | { readonly type: "end"; readonly code?: number | undefined; readonly error?: string | undefined }
);

/** An item that `lastcall/client` gave out to the application. */
export interface Given {
  readonly at: number;
  readonly id: Id;
  readonly mark: Mark | undefined;
}

export interface ClientRecord {
  /** `client 17`. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly sightings: readonly Sighting[];
  /** What the library gave out, where it is the client; the sightings are of the frames beneath it. */
  readonly given?: readonly Given[];
}

export interface Published extends Mark {
  /** When the schedule wanted it sent, and when it was sent first. */
  readonly dueAt: number;
  readonly sentAt: number;
  /** How often it was sent until it was answered, or given up. */
  readonly attempts: number;
  /** `acked` with an id where the service gives one. `known`: it was in the journal already, only the answer had been lost. */
  readonly outcome:
    | { readonly type: "acked"; readonly at: number; readonly id: Id | undefined; readonly known: boolean }
    | { readonly type: "unacked"; readonly why: string };
}

/** An entry of the journal as `GET /items` gave it at the end; `mark` where it is one of the rehearsal's. */
export interface Entry {
  readonly id: Id;
  readonly mark: Mark | undefined;
}

export interface RequestRecord {
  readonly at: number;
  /** On a connection that is kept alive, or on one of its own. */
  readonly kind: "kept" | "fresh";
  readonly ms: number;
  /** The answer's status, or the network's error code, or `timeout`. */
  readonly outcome: number | string;
}

/** Anything but a 2xx is a request that failed. */
export function hasFailed(outcome: RequestRecord["outcome"]): boolean {
  return typeof outcome === "string" || outcome < 200 || outcome > 299;
}

/** The life of one replica that the rehearsal could follow. */
export interface ReplicaRecord {
  readonly name: string;
  readonly startedAt: number;
  readonly readyAt: number | undefined;
  /** It was told to go: what Kubernetes calls deletion, which preStop follows. */
  readonly deletedAt: number | undefined;
  /** Newcomers were no longer sent to it. */
  readonly removedAt: number | undefined;
  readonly signalledAt: number | undefined;
  readonly exitedAt: number | undefined;
  readonly exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  /** How it was ended: as Kubernetes does it; by SIGKILL at the end of the grace period; killed on purpose (chaos); or with the rehearsal. Absent: it has not ended, or by itself. */
  readonly end: "drained" | "grace_over" | "chaos" | "stopped" | undefined;
  /** Its own receipt: phases in the order they ran. */
  readonly phases: readonly { readonly phase: string; readonly ms: number }[];
  readonly outcome: string | undefined;
}

/** One roll of every replica (or one run of the rollout command), and what else was done on purpose. */
export interface RoundRecord {
  readonly n: number;
  readonly from: number;
  readonly to: number;
  readonly acts: readonly { readonly at: number; readonly what: string }[];
}

/** Everything that one rehearsal saw. */
export interface RunRecord {
  /** When it began, ms since the Unix epoch. */
  readonly epoch: number;
  /** When the load stood and when it was taken away: what is measured lies between them. What a client leaves from `to` on, it leaves because all is over. */
  readonly from: number;
  readonly to: number;
  readonly clients: readonly ClientRecord[];
  readonly published: readonly Published[];
  /** Absent where the service cannot be asked. */
  readonly journal: readonly Entry[] | undefined;
  readonly requests: readonly RequestRecord[];
  readonly replicas: readonly ReplicaRecord[];
  readonly rounds: readonly RoundRecord[];
  /** Sentinels: the marks that had to come through to everybody at the end. */
  readonly sentinels: readonly Mark[];
  /** Delay of the rehearsal's own event loop, p99, ms. */
  readonly loopLagP99Ms: number;
  /** Somebody ended it before its time, at `to`; what was to come then is nobody's fault. */
  readonly interrupted?: boolean;
  /** What kept it from going on, in words; empty when nothing did. */
  readonly troubles: readonly string[];
}
