/** What is concluded from a run's record: the counts, the first evidence of each fault, and the verdict. Pure data, which the reports show and `--report x.json` contains as it is. */

/** Above this the rehearsal's own event loop may have caused what it measured, p99, ms. */
export const LOOP_LAG_MS = 50;

export type FaultKind =
  /** An item never came: a hole between two that came on one connection, or the end was not reached. */
  | "lost"
  | "repeated"
  | "out_of_order"
  /** A gap was told where nothing had been trimmed or replaced: items are lost, honestly. */
  | "gap"
  /** An acked item is not in the journal, or twice, or elsewhere than it was acked. */
  | "ack_broken"
  /** Something that was never published, or after the server's last word, or before its hello. */
  | "foreign"
  /** The old connection was over before the next one stood, though the server had said that it goes (lastcall.v1). */
  | "broken_before_made"
  /** A text client was told CLOSE before it had everything, or a client was not told first that its server goes (the protocol's promise). */
  | "cut_short"
  /** An HTTP request failed. */
  | "request"
  /** A replica's drain was not over at the end of the grace period, and it was killed; reported, what it cost shows in the items. */
  | "out_of_grace"
  /** A connection was refused; reported, never judged by itself: what it cost shows in pauses and items. */
  | "refused";

/** One fault, with what is needed to find it in the logs. */
export interface Evidence {
  readonly kind: FaultKind;
  /** Ms since the rehearsal began. */
  readonly at: number;
  /** `client 17`, `publisher 2`, `requests`, `journal`. */
  readonly who: string;
  readonly connection?: number;
  readonly replica?: string;
  /** The item in question: `publisher 1, item 204 (205-k3j2h1aa)`. */
  readonly item?: string;
  /** One sentence for people. */
  readonly text: string;
  /** Whether it counts towards the verdict; the others are reported (chaos, text between two connections). */
  readonly judged: boolean;
}

export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Counts {
  readonly lost: number;
  readonly repeated: number;
  readonly outOfOrder: number;
}

/** What was judged of one kind of client, on its raw frames; `given`: of what the library gave out. */
export interface ProtocolFindings {
  readonly protocol: string;
  readonly clients: number;
  readonly connections: number;
  /** Those that could be judged: with an id, or with a mark. */
  readonly items: number;
  readonly onConnections: Counts;
  readonly perClient: Counts;
  readonly given: Counts | undefined;
  readonly gapsTold: number;
  /** Items that passed while the client had no connection; only where there is no cursor. */
  readonly missedWhileDisconnected: number;
  /** Connections left for another that stood already. */
  readonly handedOver: number;
  /** Items that came on two connections while both stood: the price of making before breaking. */
  readonly twice: number;
  readonly refused: number;
  readonly reset: number;
  /** How connections ended: close code, `FIN`, or an error's code, with how many. */
  readonly ends: Readonly<Record<string, number>>;
  /** Longest pause of each client between items, against the schedule they were published by (open loop), ms. */
  readonly pauses: Distribution;
  /** From the end of a client's last connection to its next that stands, ms; 0 where it stood before. */
  readonly reconnects: Distribution;
}

export interface Findings {
  readonly protocols: readonly ProtocolFindings[];
  readonly publishing: {
    readonly published: number;
    readonly acked: number;
    /** Answered only when they were sent again. */
    readonly known: number;
    readonly unacked: number;
    /** Of the unacked: how many are in the journal once, which is right, or more often, which is not. */
    readonly unackedOnce: number;
    readonly ackLost: number;
    readonly ackRepeated: number;
    /** How late items were sent, against the schedule, ms. */
    readonly lateness: Distribution;
    readonly latency: Distribution;
  };
  readonly requests: {
    readonly kept: number;
    readonly fresh: number;
    /** By what came instead of 2xx: `503`, `ECONNRESET`, `timeout`. */
    readonly failures: Readonly<Record<string, number>>;
    readonly latency: Distribution;
  };
  /** The most connections that came about within 100 ms, and when. */
  readonly stampede: { readonly connections: number; readonly at: number };
  readonly replicas: readonly ReplicaFindings[];
  readonly rolled: number;
  readonly rounds: number;
  readonly longestPauseMs: number;
  /** Connections that stood when the rollouts began and have not been replaced at the end. */
  readonly notReplaced: number;
  /** Clients that did not get a sentinel. */
  readonly withoutSentinel: number;
  /** The first of each kind first, at most a hundred. */
  readonly evidence: readonly Evidence[];
  /** How many of each kind there are that count towards the verdict. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly loopLagP99Ms: number;
}

export interface ReplicaFindings {
  readonly name: string;
  /** From being told to go to the end of the process, ms; absent when it was not. */
  readonly goneMs: number | undefined;
  /** `preStop`, then those of its own receipt. */
  readonly phases: readonly { readonly phase: string; readonly ms: number }[];
  /** Its exit code, or the signal that ended it; `running`; `stopped` when that was the rehearsal's end. */
  readonly exit: string;
  /** By SIGKILL: on purpose, or because its drain was not over at the end of the grace period. */
  readonly killed: "chaos" | "grace_over" | undefined;
}

/** `pass` 0, `fail` 1, `inconclusive` 3: the command's exit code (2 is for what was not understood). */
export interface Verdict {
  readonly type: "pass" | "fail" | "inconclusive";
  readonly exitCode: 0 | 1 | 3;
  /** One sentence: what was shown, or what was found first. */
  readonly text: string;
  /** Every reason, the weightiest first. */
  readonly reasons: readonly string[];
  /** What a pass is worth (rule of three): `0 losses in 9 rollouts: below 33 % of rollouts lose, at 95 %`. */
  readonly worth: string | undefined;
}

/** What `--report x.json` holds, and what the other reports are drawn from. */
export interface Report {
  readonly lastcall: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly environment: Readonly<Record<string, string>>;
  /** The options in force, by their names. */
  readonly options: Readonly<Record<string, string>>;
  readonly findings: Findings;
  readonly verdict: Verdict;
  readonly series: Series;
}

/** For the pictures. */
export interface Series {
  /** Between two samples, ms. */
  readonly stepMs: number;
  /** Connections standing at each sample, by replica (`?` where it is not known). */
  readonly connections: readonly { readonly replica: string; readonly counts: readonly number[] }[];
  /** Longest pause of any client that ended in this step, ms. */
  readonly pauses: readonly number[];
  /** Connections that came about in this step. */
  readonly reconnects: readonly number[];
  readonly rounds: readonly RoundSpan[];
}

export interface RoundSpan {
  readonly n: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** What was done on purpose in it. */
  readonly acts?: readonly { readonly atMs: number; readonly what: string }[];
}
