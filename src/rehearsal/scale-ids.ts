import { type Id, numberOf } from "../protocol/ids.js";
import type { Entry, Mark } from "./record.js";
import { FOREIGN, type Scale } from "./scale.js";
import { nameOf, type Truth } from "./truth.js";

/** Items with ids: their dense numbers in the stream, whoever published them. */
export class IdScale implements Scale {
  readonly chains = 1;
  /** Items that came with another id than they were acked with, where no journal tells who is right. */
  readonly misplaced = new Map<Mark, Id>();
  readonly #truth: Truth;
  /** By number, from the first one on. */
  readonly #entries: (Entry | undefined)[] = [];
  readonly #first: number;
  readonly #end: number | undefined;

  constructor(truth: Truth) {
    this.#truth = truth;
    const entries = truth.journal ?? acks(truth);
    this.#first = entries.reduce((first, { id }) => Math.min(first, numberOf(id)), Number.POSITIVE_INFINITY);
    for (const entry of entries) this.#entries[numberOf(entry.id) - this.#first] ??= entry;
    const ends = truth.sentinels.flatMap((mark) => truth.number(mark) ?? []);
    this.#end = ends.length > 0 ? Math.max(...ends) : undefined;
  }

  chainOf(): number {
    return 0;
  }

  place(id: Id | undefined, mark: Mark | undefined): number {
    if (id === undefined) return FOREIGN;
    const n = numberOf(id);
    const entry = this.#entries[n - this.#first];
    if (entry !== undefined && entry.id === id && isSame(entry.mark, mark)) return n;
    const published = mark && this.#truth.published(mark);
    if (mark !== undefined && published === undefined) return FOREIGN;
    if (this.#truth.journal === undefined) {
      const { outcome } = published ?? {};
      // The ack is wrong, or the client's server: that they differ is one fault, not one for each client.
      if (published && outcome?.type === "acked" && outcome.id !== id) this.misplaced.set(published, id);
      return n;
    }
    // What the journal does not have is the journal's fault, or came after it was read; but it has something else there.
    if (entry !== undefined && (mark === undefined || this.#truth.copies(mark).length > 0)) return FOREIGN;
    return mark !== undefined && this.#truth.copies(mark).length > 0 ? FOREIGN : n;
  }

  owed(_chain: number, from: number, to: number): number {
    return Math.max(0, to - from + 1);
  }

  name(_chain: number, from: number): string {
    const entry = this.#entries[from - this.#first];
    return entry ? nameOf(entry.mark, entry.id) : `number ${from}`;
  }

  end(): number | undefined {
    return this.#end;
  }

  since(): undefined {
    // Whoever has ids has a cursor, which says more.
  }

  ackedBy(): undefined {}
}

function isSame(a: Mark | undefined, b: Mark | undefined): boolean {
  return a?.n === b?.n && a?.publisher === b?.publisher;
}

function acks(truth: Truth): readonly Entry[] {
  return truth.lines.flatMap(({ items }) =>
    items.flatMap((item) =>
      item?.outcome.type === "acked" && item.outcome.id ? { id: item.outcome.id, mark: item } : [],
    ),
  );
}
