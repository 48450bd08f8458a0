import type { Entry, Journal } from "../journal/port.js";
import { type Id, numberOf } from "../protocol/ids.js";
import { SEGMENT_BYTES, type Slice } from "./frame-log.js";
import type { EncodedPage, PageStore } from "./page-store.js";
import type { Encoding } from "./ports.js";

/** Entries asked of the journal for one page: at first, before it is known how large they are, and at most. */
const FIRST_ENTRIES = 64;
const MOST_ENTRIES = 512;

/**
 * Pages of one stream, encoded: however many sessions replay the same part, it is read and encoded once. Pages end where
 * a multiple of their size ends, so that those who resume at different places soon read the same ones.
 */
export class PageCache {
  readonly #journal: Journal;
  readonly #stream: string;
  readonly #store: PageStore;
  readonly #at: () => Id;
  #space: string;
  /** Entries of a page, as many as fill a slice going by the last one: a power of two. */
  #size = FIRST_ENTRIES;

  /** `at` says how far the follower is. */
  constructor(journal: Journal, stream: string, store: PageStore, at: () => Id) {
    this.#journal = journal;
    this.#stream = stream;
    this.#store = store;
    this.#at = at;
    this.#space = store.space();
  }

  /** The page after `after`; never rejects. */
  read(encoding: Encoding, after: Id): Promise<EncodedPage> {
    const key = `${this.#space} ${encoding.name} ${after}`;
    // The last page is as good as read now until the follower moves: then there is more of it.
    const tail = `${key} ${this.#at()}`;
    const known = this.#store.get(key) ?? this.#store.get(tail);
    if (known !== undefined) return known;
    const page = this.#load(encoding, after);
    this.#store.add(key, tail, page);
    return page;
  }

  /** From now on no page read before is given out. */
  clear(): void {
    this.#space = this.#store.space();
  }

  async #load(encoding: Encoding, after: Id): Promise<EncodedPage> {
    const at = this.#at();
    const size = this.#size;
    const limit = size - (numberOf(after) % size);
    try {
      const page = await this.#journal.read(this.#stream, after, limit);
      if (page.type === "gap") return page;
      const slice = encodeSlice(encoding, page.entries);
      if (slice === undefined) return { type: "none", at };
      const cut = slice.items < page.entries.length;
      // What is read and does not fit is read again.
      if (cut) this.#size = 2 ** Math.floor(Math.log2(slice.items));
      else if (limit === size && slice.items === size && slice.bytes.length * 2 <= SEGMENT_BYTES) {
        this.#size = Math.min(MOST_ENTRIES, size * 2);
      }
      return { type: "slice", slice, full: slice.items === limit || slice.id !== page.head };
    } catch {
      return { type: "failed" };
    }
  }
}

/** As many of the entries as one segment holds, at least one. */
function encodeSlice(encoding: Encoding, entries: readonly Entry[]): Slice | undefined {
  const frames: Uint8Array[] = [];
  let bytes = 0;
  let id: Id | undefined;
  for (const entry of entries) {
    const frame = encoding.encode(entry);
    if (id !== undefined && bytes + frame.length > SEGMENT_BYTES) break;
    frames.push(frame);
    bytes += frame.length;
    id = entry.id;
  }
  if (id === undefined) return undefined;
  const slice = Buffer.concat(frames, bytes);
  // A small one is part of the shared pool, and pins that.
  return { bytes: slice, block: { bytes: slice.buffer.byteLength }, items: frames.length, n: numberOf(id), id };
}
