import { PAGE_BYTES } from "./cursor.js";
import type { Entry } from "./port.js";

const CHUNK = 1024;

/**
 * Entries by their dense number, the first being 1. Chunked, so that growth copies nothing and dropping the oldest costs
 * no more than having added them.
 */
export class Entries {
  readonly #chunks = new Map<number, (Entry | undefined)[]>();
  #tail: (Entry | undefined)[] = [];
  #dropped = 0;
  #last = 0;

  /** The number of the last entry dropped; 0 when none was. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The number of the last entry added; 0 when none was. */
  get last(): number {
    return this.#last;
  }

  /** Adds the entry numbered `last + 1`. */
  push(entry: Entry): void {
    if (this.#last % CHUNK === 0) {
      this.#tail = [];
      this.#chunks.set(this.#last / CHUNK, this.#tail);
    }
    this.#tail.push(entry);
    this.#last += 1;
  }

  /** The entry numbered `n`; undefined when it was dropped or not yet added. */
  get(n: number): Entry | undefined {
    return this.#chunks.get(Math.floor((n - 1) / CHUNK))?.[(n - 1) % CHUNK];
  }

  /** Up to `limit` entries numbered above `n`, which is not below `dropped`; fewer when they are large. */
  after(n: number, limit: number): Entry[] {
    const entries: Entry[] = [];
    const end = Math.min(this.#last, n + limit);
    let bytes = 0;
    for (let next = n + 1; next <= end && bytes < PAGE_BYTES; next += 1) {
      const entry = this.get(next);
      if (entry === undefined) continue;
      entries.push(entry);
      bytes += entry.data.length;
    }
    return entries;
  }

  /** Drops all entries numbered up to `n`, which is not above `last`. */
  drop(n: number): void {
    while (this.#dropped < n) {
      const index = Math.floor(this.#dropped / CHUNK);
      const start = index * CHUNK;
      const end = Math.min(n, start + CHUNK);
      if (end === start + CHUNK) this.#chunks.delete(index);
      else this.#chunks.get(index)?.fill(undefined, this.#dropped - start, end - start);
      this.#dropped = end;
    }
  }
}
