import type { Evidence, FaultKind } from "./findings.js";

/** How much is kept: of each kind, and altogether. */
const KEPT = 100;

/** What is told of a fault; put together only if it is kept, because of a broken service there may be millions. */
export type Told = Omit<Evidence, "kind" | "at" | "judged">;

interface Pile {
  kept: Evidence[];
  /** Nothing later than this is kept any more, ms. */
  until: number;
}

/** Collects faults in whatever order they are found, counts those that are judged, and keeps the earliest of each kind. */
export class EvidenceBook {
  readonly #piles = new Map<string, Pile>();
  readonly #faults = new Map<FaultKind, number>();

  /** `items`: how many it concerns. */
  note(kind: FaultKind, at: number, judged: boolean, tell: () => Told, items = 1): void {
    if (judged) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + items);
    const name = `${kind} ${judged}`;
    const pile = this.#piles.get(name) ?? { kept: [], until: Number.POSITIVE_INFINITY };
    this.#piles.set(name, pile);
    if (at >= pile.until) return;
    pile.kept.push({ kind, at, judged, ...tell() });
    if (pile.kept.length < 2 * KEPT) return;
    pile.kept = earliest(pile.kept).slice(0, KEPT);
    pile.until = pile.kept.at(-1)?.at ?? pile.until;
  }

  get faults(): Readonly<Partial<Record<FaultKind, number>>> {
    return Object.fromEntries(this.#faults);
  }

  /** The first of each kind first, what is judged before what is not; then the others as they happened. */
  get evidence(): readonly Evidence[] {
    const piles = [...this.#piles.values()].map(({ kept }) => earliest(kept));
    const first = earliest(piles.flatMap((kept) => kept.slice(0, 1)));
    const others = earliest(piles.flatMap((kept) => kept.slice(1)));
    return [...first.filter(({ judged }) => judged), ...first.filter(({ judged }) => !judged), ...others].slice(
      0,
      KEPT,
    );
  }
}

function earliest(evidence: readonly Evidence[]): Evidence[] {
  return evidence.toSorted((a, b) => a.at - b.at);
}
