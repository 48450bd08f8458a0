import type { Clock } from "../base/clock.js";
import { deferred } from "../base/deferred.js";
import type { Connection } from "../wire/connection.js";

/** Connections visited in one turn of the event loop. */
const VISITS_PER_TURN = 256;

/** Everyone who is connected. */
export class Roster {
  readonly #connections = new Set<Connection>();
  #empty = deferred();

  get size(): number {
    return this.#connections.size;
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#connections.values();
  }

  add(connection: Connection): void {
    if (this.#connections.size === 0) this.#empty = deferred();
    this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#empty.resolve();
  }

  /** Resolves when nobody is connected. */
  async emptied(): Promise<void> {
    while (this.#connections.size > 0) await this.#empty.promise;
  }
}

/**
 * Visits everyone every `intervalMs`, and ends those for whom `visit` says that they are gone; the returned function
 * stops it.
 */
export function rounds(
  roster: Roster,
  clock: Clock,
  intervalMs: number,
  visit: (connection: Connection) => boolean,
): () => void {
  let stopped = false;
  let cancel = () => {};
  const walk = (connections: IterableIterator<Connection>) => {
    for (let n = 0; n < VISITS_PER_TURN; n += 1) {
      const { value: connection, done } = connections.next();
      if (done) {
        cancel = clock.after(intervalMs, () => walk(roster[Symbol.iterator]()));
        return;
      }
      if (!visit(connection)) connection.terminate();
    }
    setImmediate(() => {
      if (!stopped) walk(connections);
    });
  };
  cancel = clock.after(intervalMs, () => walk(roster[Symbol.iterator]()));
  return () => {
    stopped = true;
    cancel();
  };
}
