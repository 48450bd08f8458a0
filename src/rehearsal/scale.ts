import type { Id } from "../protocol/ids.js";
import type { Mark } from "./record.js";

/** Not one that was published, or not the one that the journal has there. */
export const FOREIGN = -1;
/** Nothing can be said of its place: a foreign item without an id, or one whose place others judge. */
export const UNPLACED = -2;

/**
 * Gives items the numbers by which a client's are judged. On each chain numbers are dense; what has ids, or can be looked
 * up in the journal, is on one chain; otherwise each publisher is one.
 */
export interface Scale {
  readonly chains: number;
  chainOf(mark: Mark | undefined): number;
  /** Its number, FOREIGN or UNPLACED. */
  place(id: Id | undefined, mark: Mark | undefined): number;
  /** How many from `from` to `to`, both included, have to come. */
  owed(chain: number, from: number, to: number): number;
  /** The first of these that has to come, for people. */
  name(chain: number, from: number, to: number): string;
  /** The number of the sentinel that has to come at the end; undefined when the chain has none. */
  end(chain: number): number | undefined;
  /** The first that was certainly published after this moment, ms; undefined when none was. */
  since(chain: number, at: number): number | undefined;
  /** The last that was acked up to this moment, ms. */
  ackedBy(chain: number, at: number): number | undefined;
}
