import type { Entry, Journal } from "../journal/port.js";
import { type Id, numberOf } from "../protocol/ids.js";
import { SEGMENT_BYTES, type Slice } from "./frame-log.js";
import type { Encoding, Gap } from "./ports.js";

/** Entries asked of the journal for one page, at most and at least: as many as fill a slice, going by the last one. */
const MOST_ENTRIES = 512;
const LEAST_ENTRIES = 8;
/** Pages remembered; all who resume at about the same place read the same few. */
const PAGES_KEPT = 32;

export type EncodedPage =
  | { readonly type: "slice"; readonly slice: Slice; readonly full: boolean }
  | ({ readonly type: "gap" } & Gap)
  /** Nothing behind the cursor; `at` is where the follower was when the journal was asked. */
  | { readonly type: "none"; readonly at: Id }
  /** The journal did not answer. */
  | { readonly type: "failed" };

/** Encoded pages of one stream: however many sessions replay the same part, it is read and encoded once. */
export class PageCache {
  readonly #journal: Journal;
  readonly #stream: string;
  readonly #at: () => Id;
  readonly #pages = new Map<string, Promise<EncodedPage>>();
  #limit = MOST_ENTRIES;

  /** `at` says how far the follower is. */
  constructor(journal: Journal, stream: string, at: () => Id) {
    this.#journal = journal;
    this.#stream = stream;
    this.#at = at;
  }

  /** The page after `after`; never rejects. */
  read(encoding: Encoding, after: Id): Promise<EncodedPage> {
    const key = `${encoding.name} ${after}`;
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const loading = this.#load(encoding, after).then((page) => {
      // Only a full page stays true: what is behind a shorter one is still being written.
      const lasting = page.type === "slice" && page.full;
      if (!lasting && this.#pages.get(key) === loading) this.#pages.delete(key);
      return page;
    });
    this.#pages.set(key, loading);
    if (this.#pages.size > PAGES_KEPT) {
      const oldest = this.#pages.keys().next();
      if (!oldest.done) this.#pages.delete(oldest.value);
    }
    return loading;
  }

  clear(): void {
    this.#pages.clear();
  }

  async #load(encoding: Encoding, after: Id): Promise<EncodedPage> {
    const at = this.#at();
    try {
      const limit = this.#limit;
      const page = await this.#journal.read(this.#stream, after, limit);
      if (page.type === "gap") return page;
      const slice = encodeSlice(encoding, page.entries);
      if (slice === undefined) return { type: "none", at };
      const full = slice.items < page.entries.length || page.entries.length === limit;
      // Twice what fitted: what is read and does not fit is read again.
      if (full) this.#limit = Math.min(MOST_ENTRIES, Math.max(LEAST_ENTRIES, slice.items * 2));
      return { type: "slice", slice, full };
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
