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

/** A kubelet keeps no more of a container's termination message (KEP-297), bytes. */
export const RECEIPT_BYTES = 4_096;

/** Lengths to which the texts of a receipt that does not fit are cut, one after the other. */
const CHARACTERS = [1_000, 200];
/** The last resort: with texts of this length it fits, whatever is written in them (six bytes a character in JSON). */
const FEWEST_CHARACTERS = 40;
const ERRORS_SHOWN = 8;

/**
 * The receipt as it is shown, in the log as in the termination message: tenths of a millisecond are enough, and as JSON
 * it is not longer than `RECEIPT_BYTES`. Only its texts can be long; each error is in the log by itself.
 */
export function shown(receipt: Receipt): Receipt {
  const { reason, errors } = receipt;
  const exact = {
    ...receipt,
    durationMs: round(receipt.durationMs),
    budgetLeftMs: round(receipt.budgetLeftMs),
    phases: receipt.phases.map((phase) => ({ ...phase, ms: round(phase.ms) })),
  };
  if (fits(exact)) return exact;
  const more = errors.length - ERRORS_SHOWN;
  const short = (characters: number): Receipt => {
    const some = errors.slice(0, ERRORS_SHOWN).map((error) => cut(error, characters));
    return { ...exact, reason: cut(reason, characters), errors: more > 0 ? [...some, `and ${more} more`] : some };
  };
  return CHARACTERS.map(short).find(fits) ?? short(FEWEST_CHARACTERS);
}

export const round = (ms: number): number => Math.round(ms * 10) / 10;

function cut(text: string, characters: number): string {
  return text.length > characters ? `${text.slice(0, characters - 1)}…` : text;
}

function fits(receipt: Receipt): boolean {
  return new TextEncoder().encode(JSON.stringify(receipt)).length <= RECEIPT_BYTES;
}
