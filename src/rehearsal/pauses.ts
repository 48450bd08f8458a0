import type { ClientRecord, RunRecord } from "./record.js";
import type { Line, Truth } from "./truth.js";

/**
 * The waiting of clients, against the schedule and not against what came (open loop): a pause lasts from when an item
 * was due, or from the item before, whichever is later, to the next that comes. A service that holds its publishers
 * back does not shorten its pauses by that, and what a client missed while it stood nowhere counts as waited for.
 */
export class Pauses {
  readonly #truth: Truth;
  readonly #from: number;
  readonly #to: number;
  /** By publisher, from each number on: when the first that has to come was due; never, behind the last. */
  readonly #due: readonly Float64Array[];

  constructor(run: RunRecord, truth: Truth) {
    this.#truth = truth;
    this.#from = run.from;
    this.#to = run.to;
    this.#due = truth.lines.map((line) => dueTimes(line, truth.journal !== undefined));
  }

  /** Tells each pause of a client, ms, with when it ended. */
  visit({ sightings }: ClientRecord, tell: (endedAt: number, ms: number) => void): void {
    const lines = this.#due.length;
    let previous: number | undefined;
    const next = new Int32Array(lines);
    const end = (at: number) => {
      let due = Number.POSITIVE_INFINITY;
      for (let i = 0; i < lines; i += 1) due = Math.min(due, this.#due[i]?.[next[i] ?? 0] ?? Number.POSITIVE_INFINITY);
      const ms = at - Math.max(previous ?? at, due);
      if (ms > 0) tell(at, ms);
    };
    for (const sighting of sightings) {
      const { type, at } = sighting;
      if (at >= this.#to) break;
      if (type === "item" && sighting.mark !== undefined) {
        const line = this.#truth.line(sighting.mark.publisher);
        if (line === undefined) continue;
        if (previous !== undefined) end(at);
        next[line.index] = Math.max(next[line.index] ?? 0, sighting.mark.n + 1);
        previous = at;
      } else if (previous === undefined && (type === "hello" || type === "open")) {
        // It waits from the moment it stands, and the load with it.
        previous = Math.max(at, this.#from);
        for (const [i, due] of this.#due.entries()) next[i] = firstAfter(due, at);
      }
    }
    end(this.#to);
  }
}

/** In the order of publishing, which is that of the schedule. */
function dueTimes({ items, entries }: Line, hasJournal: boolean): Float64Array {
  const due = new Float64Array(items.length + 1).fill(Number.POSITIVE_INFINITY);
  for (let n = items.length - 1; n >= 0; n -= 1) {
    const item = items[n];
    const comes = hasJournal ? entries[n] !== undefined : item?.outcome.type === "acked";
    due[n] = item && comes ? item.dueAt : (due[n + 1] ?? Number.POSITIVE_INFINITY);
  }
  return due;
}

function firstAfter(due: Float64Array, at: number): number {
  let from = 0;
  let to = due.length - 1;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((due[middle] ?? 0) < at) from = middle + 1;
    else to = middle;
  }
  return from;
}
