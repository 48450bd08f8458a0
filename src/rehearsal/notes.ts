import { Continuity } from "./continuity.js";
import type { Mark, Sighting } from "./record.js";

/** A sighting without its time. */
export type Seen = Sighting extends infer S ? (S extends Sighting ? Omit<S, "at"> : never) : never;

/** After these a connection's items begin anew, or there are none. */
const BEGINS_ANEW: ReadonlySet<Sighting["type"]> = new Set(["start", "hello", "gap", "end", "leave"]);

/** What one client did and met, as it is written down. */
export class Notes {
  readonly sightings: Sighting[] = [];
  readonly continuity = new Continuity();
  readonly #now: () => number;
  readonly #standing = new Set<number>();
  readonly #highest = new Map<string, number>();
  readonly #seen: Partial<Record<Sighting["type"], number>> = {};
  #connections = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A number for the next connection. */
  connection(): number {
    this.#connections += 1;
    return this.#connections - 1;
  }

  note(seen: Seen): void {
    this.sightings.push({ ...seen, at: this.#now() });
    this.#seen[seen.type] = this.count(seen.type) + 1;
    if (seen.type === "open") this.#standing.add(seen.connection);
    if (seen.type === "end" || seen.type === "leave") this.#standing.delete(seen.connection);
    if (BEGINS_ANEW.has(seen.type)) this.continuity.forget(seen.connection);
    if (seen.type === "item" && seen.mark !== undefined) {
      const { publisher, n } = seen.mark;
      this.#highest.set(publisher, Math.max(n, this.#highest.get(publisher) ?? 0));
      this.continuity.take(seen.connection, seen.mark);
    }
  }

  /** Only its server knows who it is, and says so later than at the beginning: on connections that no balancer of ours made. */
  name(connection: number, replica: string): void {
    const index = this.sightings.findLastIndex((seen) => seen.type === "open" && seen.connection === connection);
    const open = this.sightings[index];
    if (open?.type === "open" && open.replica === undefined) this.sightings[index] = { ...open, replica };
  }

  count(type: Sighting["type"]): number {
    return this.#seen[type] ?? 0;
  }

  /** Connections that stand now. */
  get standing(): ReadonlySet<number> {
    return this.#standing;
  }

  /** Whether an item with this mark, or a later one of its publisher, has come. */
  reached({ publisher, n }: Mark): boolean {
    return (this.#highest.get(publisher) ?? 0) >= n;
  }
}
