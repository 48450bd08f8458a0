import type { Appended, Entry, Page, Publication } from "../../src/journal/port.js";
import { type Id, numberOf, type Position } from "../../src/protocol/ids.js";

/** Publications by what they say; the journal's answers name them by id. */
interface Use {
  readonly publisher: string;
  readonly key: string;
  readonly data: string;
  readonly id: Id;
  readonly at: number;
}

export interface Limits {
  readonly retentionItems: number;
  readonly retentionMs: number;
  readonly keyTtlMs: number;
}

/**
 * A journal's stream as plain arrays that nothing is ever removed from. Tags are random, so the model takes ids from the
 * answers; everything else it knows before.
 */
export class Model {
  readonly limits: Limits;
  readonly all: Entry[] = [];
  readonly #uses: Use[] = [];
  readonly #firstBase: Id;
  /** How many entries were trimmed, from the oldest on. */
  trimmed = 0;

  constructor(limits: Limits, firstBase: Id) {
    this.limits = limits;
    this.#firstBase = firstBase;
  }

  get base(): Id {
    return this.trimmed === 0 ? this.#firstBase : (this.all[this.trimmed - 1]?.id ?? this.#firstBase);
  }

  get head(): Id {
    return this.all.at(-1)?.id ?? this.#firstBase;
  }

  /** What must be answered, given the ids that were. */
  append(publications: readonly Publication[], answered: readonly Appended[], now: number, epoch: number): Appended[] {
    const expected = publications.map(({ publisher, key, data }, i): Appended => {
      const use = this.#uses.findLast((u) => u.publisher === publisher && u.key === key);
      if (use !== undefined && now - use.at < 2 * this.limits.keyTtlMs) {
        return use.data === data
          ? { type: "appended", id: use.id, repeated: true }
          : { type: "key_reused", id: use.id };
      }
      const tag = answered[i]?.id.split("-")[1] ?? "";
      const id: Id = `${this.all.length + 1}-${tag}`;
      this.all.push({ id, at: epoch, data });
      this.#uses.push({ publisher, key, data, id, at: now });
      return { type: "appended", id, repeated: false };
    });
    const { retentionItems } = this.limits;
    if (retentionItems > 0) this.trimmed = Math.max(this.trimmed, this.all.length - retentionItems);
    return expected;
  }

  /** Trims by age, as a journal does that was just asked something. */
  sweep(epoch: number): void {
    const { retentionMs } = this.limits;
    if (retentionMs === 0) return;
    while (epoch - (this.all[this.trimmed]?.at ?? epoch) > retentionMs) this.trimmed += 1;
  }

  read(position: Position, limit: number): Page {
    const { base, head } = this;
    const after = position === "oldest" ? base : position === "now" ? head : position;
    const place = after === base ? this.trimmed : this.all.findIndex(({ id }) => id === after) + 1;
    if (after === base || place > this.trimmed) {
      return { type: "entries", after, entries: this.all.slice(place, place + limit), head };
    }
    if (numberOf(after) < numberOf(base)) return { type: "gap", after, cursor: base, reason: "trimmed", head };
    return { type: "gap", after, cursor: head, reason: "replaced", head };
  }
}
