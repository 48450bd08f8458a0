import type { Id } from "../protocol/ids.js";
import type { Slice } from "./frame-log.js";
import type { Gap } from "./ports.js";

export type EncodedPage =
  | { readonly type: "slice"; readonly slice: Slice; readonly full: boolean }
  | ({ readonly type: "gap" } & Gap)
  /** Nothing behind the cursor; `at` is where the follower was when the journal was asked. */
  | { readonly type: "none"; readonly at: Id }
  /** The journal did not answer. */
  | { readonly type: "failed" };

/** What is remembered of all streams together, bytes; one page more while it is loaded. */
const BYTES_KEPT = 16_777_216;

interface Kept {
  readonly page: Promise<EncodedPage>;
  bytes: number;
}

/** The encoded pages that a process remembers, of whatever streams are being replayed; the least recently read go first. */
export class PageStore {
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #spaces = 0;

  /** A name under which nobody else keeps pages. */
  space(): string {
    this.#spaces += 1;
    return String(this.#spaces);
  }

  get(key: string): Promise<EncodedPage> | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.page;
  }

  /**
   * Remembers a page while it is loaded, and longer if it stays true: a full one as it is, the last one of its stream,
   * which grows, under `tail`.
   */
  add(key: string, tail: string, page: Promise<EncodedPage>): void {
    const kept: Kept = { page, bytes: 0 };
    this.#kept.set(key, kept);
    void page.then((loaded) => {
      if (this.#kept.get(key) !== kept) return;
      const full = loaded.type === "slice" && loaded.full;
      if (!full) this.#kept.delete(key);
      if (loaded.type !== "slice") return;
      if (!full) this.#kept.set(tail, kept);
      this.#count(kept, loaded.slice.block.bytes);
    });
  }

  #count(kept: Kept, bytes: number): void {
    kept.bytes = bytes;
    this.#bytes += bytes;
    for (const [key, { bytes }] of this.#kept) {
      if (this.#bytes <= BYTES_KEPT) return;
      this.#kept.delete(key);
      this.#bytes -= bytes;
    }
  }
}
