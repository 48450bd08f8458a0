import type { Plan } from "./budget.js";
import type { DrainOutcome, PhaseRecord, Receipt } from "./events.js";
import type { DrainPorts } from "./ports.js";

export interface Account {
  readonly reason: string;
  readonly plan: Plan;
  readonly records: readonly PhaseRecord[];
  readonly errors: readonly Error[];
  readonly finals: number;
}

/** Adds up a drain from what its ports counted. */
export function makeReceipt(
  account: Account,
  ports: DrainPorts,
  durationMs: number,
  deadlineReached: boolean,
): Receipt {
  const { resumable, ...counted } = ports.clients.report();
  // Whoever the deadline found still connected was not served to the end; who has a cursor goes on elsewhere.
  const late = {
    open: 0,
    cut: counted.cut + counted.open - resumable,
    handedOver: counted.handedOver + resumable,
  };
  const clients = deadlineReached ? { ...counted, ...late } : counted;
  const requests = ports.requests.report();
  const publishesCut = ports.publishes.pending();
  const cut = deadlineReached || clients.cut + requests.open + publishesCut > 0;
  const outcome: DrainOutcome = cut ? "cut" : account.errors.length > 0 ? "failed" : "clean";
  return {
    reason: account.reason,
    outcome,
    exitCode: outcome === "clean" ? 0 : 1,
    durationMs,
    budgetMs: account.plan.totalMs,
    budgetLeftMs: Math.max(0, account.plan.totalMs - durationMs),
    deadlineReached,
    phases: [...account.records],
    clients,
    finals: account.finals,
    requests: { finished: requests.finished, cut: requests.open },
    publishes: { cut: publishesCut },
    errors: account.errors.map((error) => error.message),
  };
}
