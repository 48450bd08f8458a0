/** What one item is to those before it. */
export type Step =
  | "next"
  /** Something is missing between the last one and it. */
  | "ahead"
  /** It had been missing, and comes after a later one. */
  | "late"
  /** It comes late, but that it was missing is named elsewhere. */
  | "filled"
  | "again";

/** Numbers that did not come, both ends included. */
export interface Hole {
  readonly from: number;
  readonly to: number;
  /** When the item behind it came, ms. */
  readonly at: number;
  /** Whether another sequence has the same hole, and names it. */
  readonly known: boolean;
}

/** Follows dense numbers: each is the one after the last. What is missing may still come; what is left at the end is lost. */
export class Sequence {
  /** The highest so far, or what it began after. */
  last: number;
  /** Nearly always empty. */
  holes: readonly Hole[] = [];
  readonly #began: number;
  /** What came though it lies before the beginning, where that was only taken from the first that came. */
  readonly #early: Set<number> | undefined;

  /** `guessed`: it may have begun earlier. */
  constructor(after: number, guessed = false) {
    this.last = after;
    this.#began = after;
    this.#early = guessed ? new Set() : undefined;
  }

  /** `knownFrom`: from this number on, what is missing before `n` is named elsewhere. */
  take(n: number, at: number, knownFrom = n): Step {
    if (n === this.last + 1) {
      this.last = n;
      return "next";
    }
    if (n <= this.last) return this.#fill(n);
    const from = this.last + 1;
    const split = Math.max(from, Math.min(knownFrom, n));
    const holes = [
      { from, to: split - 1, at, known: false },
      { from: split, to: n - 1, at, known: true },
    ];
    this.holes = [...this.holes, ...holes.filter((hole) => hole.from <= hole.to)];
    this.last = n;
    return "ahead";
  }

  has(n: number): boolean {
    return n <= this.last && !this.holes.some(({ from, to }) => from <= n && n <= to);
  }

  /** Goes on elsewhere: what lay between is not missing. */
  jump(after: number): void {
    this.last = after;
  }

  #fill(n: number): Step {
    if (this.#early && n <= this.#began) {
      const isFirst = !this.#early.has(n);
      this.#early.add(n);
      return isFirst ? "late" : "again";
    }
    const hole = this.holes.find(({ from, to }) => from <= n && n <= to);
    if (hole === undefined) return "again";
    const rest = [
      { ...hole, to: n - 1 },
      { ...hole, from: n + 1 },
    ].filter(({ from, to }) => from <= to);
    this.holes = this.holes.flatMap((other) => (other === hole ? rest : [other]));
    return hole.known ? "filled" : "late";
  }
}
