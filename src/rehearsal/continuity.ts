import type { Mark } from "./record.js";

/** Wider holes are counted, but nobody waits for what was in them: an adapter may count as it likes. */
const WIDEST = 10_000;

/** A publisher's items on one connection. */
interface Line {
  last: number;
  readonly missing: Set<number>;
}

/**
 * What can be said of one client's items while they come, from their publishers' numbers alone: each connection has them
 * once, in order, without a hole, from the first that it has. For whoever watches; it knows neither where a connection had
 * to begin and end nor what was never acked, so the judge has the last word.
 */
export class Continuity {
  lost = 0;
  repeated = 0;
  outOfOrder = 0;
  readonly #connections = new Map<number, Map<string, Line>>();

  take(connection: number, { publisher, n }: Mark): void {
    const lines = this.#connections.get(connection) ?? new Map<string, Line>();
    this.#connections.set(connection, lines);
    const line = lines.get(publisher);
    if (line === undefined) {
      lines.set(publisher, { last: n, missing: new Set() });
    } else if (n > line.last) {
      const lost = n - line.last - 1;
      for (let hole = line.last + 1; hole < n && lost <= WIDEST; hole += 1) line.missing.add(hole);
      this.lost += lost;
      line.last = n;
    } else if (line.missing.delete(n)) {
      this.lost -= 1;
      this.outOfOrder += 1;
    } else this.repeated += 1;
  }

  /** It is over, or begins anew somewhere. */
  forget(connection: number): void {
    this.#connections.delete(connection);
  }
}
