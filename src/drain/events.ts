import type { Plan } from "./budget.js";
import type { Outcome, Phase } from "./phases.js";
import type { ClientsReport } from "./ports.js";

/** Why the drain began. */
export type Cause =
  | { readonly type: "signal"; readonly signal: string }
  | { readonly type: "error"; readonly error: Error }
  /** The program asked for it; endpoints have still to be removed. */
  | { readonly type: "request" }
  /** The server is being closed: nothing new can arrive any more. */
  | { readonly type: "close" };

export interface PhaseRecord {
  readonly phase: Phase;
  /** `cut`: the deadline came while it ran. */
  readonly outcome: Outcome | "cut";
  readonly ms: number;
}

/** `clean`: everything was done. `cut`: something was not finished. `failed`: nothing was cut, but an error was met. */
export type DrainOutcome = "clean" | "cut" | "failed";

/** What the drain came to; logged as `graceful_shutdown_completed`. */
export interface Receipt {
  readonly reason: string;
  readonly outcome: DrainOutcome;
  readonly exitCode: 0 | 1;
  readonly durationMs: number;
  readonly budgetMs: number;
  readonly budgetLeftMs: number;
  readonly deadlineReached: boolean;
  readonly phases: readonly PhaseRecord[];
  readonly clients: ClientsReport;
  /** The source's last items. */
  readonly finals: number;
  readonly requests: { readonly finished: number; readonly cut: number };
  readonly publishes: { readonly cut: number };
  readonly errors: readonly string[];
}

export type DrainEvent =
  | { readonly type: "started"; readonly reason: string; readonly plan: Plan }
  | { readonly type: "phase_started"; readonly phase: Phase; readonly capMs: number }
  | ({ readonly type: "phase_ended" } & PhaseRecord)
  | { readonly type: "error"; readonly error: Error }
  /** Everything but the linger is over: these are the figures that wait to be scraped. */
  | { readonly type: "settled"; readonly receipt: Receipt }
  | { readonly type: "completed"; readonly receipt: Receipt };

export function describe(cause: Cause): string {
  if (cause.type === "signal") return cause.signal;
  return cause.type === "error" ? `uncaught error: ${cause.error.message}` : cause.type;
}
