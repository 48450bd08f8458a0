import type { Sequence } from "./sequence.js";

/** What is known of one connection while its sightings are gone through. */
export interface Connection {
  readonly number: number;
  /** `standing`: it gives items. `closing`: the server has said its last word. */
  stage: "dialled" | "open" | "standing" | "closing" | "over";
  replica: string | undefined;
  openedAt: number;
  /** When its server said that it goes, ms. */
  toldAt: number | undefined;
  /** A `start` that no hello has answered yet; what comes before that hello is void where it named a position. */
  start: { readonly voids: boolean } | undefined;
  /** How far the client was on each chain when it asked for this one; absent where it was nowhere. */
  before: readonly (number | undefined)[];
  /** Its items, by chain. */
  readonly sequences: (Sequence | undefined)[];
}

export function dialled(number: number): Connection {
  return {
    number,
    stage: "dialled",
    replica: undefined,
    openedAt: 0,
    toldAt: undefined,
    start: undefined,
    before: [],
    sequences: [],
  };
}
