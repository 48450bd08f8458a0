import type { Id } from "../protocol/ids.js";
import type { Mark, Published } from "./record.js";
import { FOREIGN, type Scale, UNPLACED } from "./scale.js";
import { KeyScale } from "./scale-keys.js";
import { type Line, nameOf, type Truth } from "./truth.js";

/** Items without ids: where the journal has them, or, without one, each publisher's own numbers. */
export function markScale(truth: Truth): Scale {
  if (truth.lines.length === 0) return new KeyScale();
  return truth.journal === undefined ? new PublisherScale(truth) : new JournalScale(truth);
}

/** One chain: the rehearsal's items in the order of the journal. */
class JournalScale implements Scale {
  readonly chains = 1;
  readonly #truth: Truth;
  readonly #marks: readonly Mark[];
  /** By publisher and number. */
  readonly #places: readonly Int32Array[];

  constructor(truth: Truth) {
    this.#truth = truth;
    this.#places = truth.lines.map(({ items }) => new Int32Array(items.length).fill(UNPLACED));
    const marks: Mark[] = [];
    for (const { mark } of truth.journal ?? []) {
      const places = mark && this.#placesOf(mark.publisher);
      // What stands there twice is given twice, which its reader sees as well.
      if (!mark || places?.[mark.n] !== UNPLACED) continue;
      places[mark.n] = marks.length;
      marks.push(mark);
    }
    this.#marks = marks;
  }

  chainOf(): number {
    return 0;
  }

  place(_id: Id | undefined, mark: Mark | undefined): number {
    if (mark === undefined) return UNPLACED;
    const place = this.#placesOf(mark.publisher)?.[mark.n] ?? FOREIGN;
    if (place >= 0) return place;
    // An acked item that the journal does not have is the journal's fault, and named there.
    return this.#truth.published(mark)?.outcome.type === "acked" ? UNPLACED : FOREIGN;
  }

  owed(_chain: number, from: number, to: number): number {
    return Math.max(0, to - from + 1);
  }

  name(_chain: number, from: number): string {
    const mark = this.#marks[from];
    return nameOf(mark, mark && this.#truth.copies(mark)[0]?.id);
  }

  end(): number | undefined {
    const ends = this.#truth.sentinels.map((mark) => this.place(undefined, mark)).filter((place) => place >= 0);
    return ends.length > 0 ? Math.max(...ends) : undefined;
  }

  since(_chain: number, at: number): number | undefined {
    const places = this.#truth.lines.flatMap((line) => this.#placed(firstSent(line, at)));
    return places.length > 0 ? Math.min(...places) : undefined;
  }

  ackedBy(_chain: number, at: number): number | undefined {
    const places = this.#truth.lines.flatMap((line) => this.#placed(lastAcked(line, at)));
    return places.length > 0 ? Math.max(...places) : undefined;
  }

  #placed(mark: Mark | undefined): number | [] {
    const place = mark === undefined ? UNPLACED : this.place(undefined, mark);
    return place >= 0 ? place : [];
  }

  #placesOf(publisher: string): Int32Array | undefined {
    const line = this.#truth.line(publisher);
    return line && this.#places[line.index];
  }
}

/** A chain for each publisher. What was not acked may come, or not. */
class PublisherScale implements Scale {
  readonly chains: number;
  readonly #truth: Truth;
  /** How many were acked up to each number, by publisher. */
  readonly #acked: readonly Int32Array[];

  constructor(truth: Truth) {
    this.#truth = truth;
    this.chains = truth.lines.length;
    this.#acked = truth.lines.map(({ items }) => {
      let acked = 0;
      return Int32Array.from(items, (item) => {
        if (item?.outcome.type === "acked") acked += 1;
        return acked;
      });
    });
  }

  chainOf(mark: Mark | undefined): number {
    return (mark && this.#truth.line(mark.publisher)?.index) ?? 0;
  }

  place(_id: Id | undefined, mark: Mark | undefined): number {
    if (mark === undefined) return UNPLACED;
    return this.#truth.published(mark) === undefined ? FOREIGN : mark.n;
  }

  owed(chain: number, from: number, to: number): number {
    const acked = this.#acked[chain];
    if (acked === undefined || from > to) return 0;
    const upTo = (n: number) => (n < 0 ? 0 : (acked[Math.min(n, acked.length - 1)] ?? 0));
    return upTo(to) - upTo(from - 1);
  }

  name(chain: number, from: number, to: number): string {
    const line = this.#truth.lines[chain];
    const first = line?.items.slice(from, to + 1).find((item) => item?.outcome.type === "acked");
    return nameOf(first ?? { publisher: line?.publisher ?? "?", n: from }, undefined);
  }

  end(chain: number): number | undefined {
    const ns = this.#truth.sentinels.filter((mark) => this.chainOf(mark) === chain).map(({ n }) => n);
    return ns.length > 0 ? Math.max(...ns) : undefined;
  }

  since(chain: number, at: number): number | undefined {
    const line = this.#truth.lines[chain];
    return line && firstSent(line, at)?.n;
  }

  ackedBy(chain: number, at: number): number | undefined {
    const line = this.#truth.lines[chain];
    return line && lastAcked(line, at)?.n;
  }
}

/** A publisher sends one after the other, so both their times only grow. */
function firstSent({ items }: Line, at: number): Published | undefined {
  let from = 0;
  let to = items.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    const item = items[middle];
    if (item === undefined || item.sentAt < at) from = middle + 1;
    else to = middle;
  }
  return items[from];
}

function lastAcked(line: Line, at: number): Published | undefined {
  const next = firstSent(line, at)?.n ?? line.items.length;
  return line.items.slice(0, next).findLast((item) => item?.outcome.type === "acked" && item.outcome.at <= at);
}
