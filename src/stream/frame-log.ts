import type { Entry } from "../journal/port.js";
import { type Id, numberOf } from "../protocol/ids.js";
import type { Encoding } from "./ports.js";
import type { Block } from "./stalls.js";

/** Largest segment, bytes. What a stalled socket still holds pins one of these, never the whole log. */
export const SEGMENT_BYTES = 65_536;
const FIRST_SEGMENT_BYTES = 4_096;
/** What is kept for sessions that fell behind a little, bytes; older segments live only as long as a socket holds them. */
const BYTES_KEPT = 8 * SEGMENT_BYTES;

/** Encoded items one after the other; bytes once written never change. */
interface Segment {
  readonly bytes: Uint8Array;
  readonly block: Block;
  /** The number of the first item. */
  readonly first: number;
  /** The ids, and the offset at which each item ends. */
  readonly ids: Id[];
  readonly ends: number[];
  used: number;
}

/** What a session gets in one write. */
export interface Slice {
  readonly bytes: Uint8Array;
  /** The memory that `bytes` are a part of. */
  readonly block: Block;
  readonly items: number;
  /** The last item's place: the session's next cursor. */
  readonly n: number;
  readonly id: Id;
}

/**
 * The newest items of one stream in one encoding. Fed by the follower alone; read by any number of sessions, each of
 * which is nothing but a number here.
 */
export class FrameLog {
  readonly encoding: Encoding;
  #segments: Segment[] = [];
  /** Their memory. */
  #bytes = 0;
  #n: number;
  #id: Id;
  /** Sessions are mostly at the same place: the last slice given out serves them all. */
  #lastFrom = -1;
  #lastSlice: Slice | undefined;

  constructor(encoding: Encoding, at: Id) {
    this.encoding = encoding;
    this.#id = at;
    this.#n = numberOf(at);
  }

  /** Number of the last item. */
  get n(): number {
    return this.#n;
  }

  /** Id of the last item. */
  get id(): Id {
    return this.#id;
  }

  /** Adds the next items; the caller vouches that they follow the last one without a hole. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const frame = this.encoding.encode(entry);
      const segment = this.#room(frame.length);
      segment.bytes.set(frame, segment.used);
      segment.used += frame.length;
      segment.ends.push(segment.used);
      segment.ids.push(entry.id);
      this.#n += 1;
      this.#id = entry.id;
    }
    this.#lastFrom = -1;
  }

  /** Forgets everything and goes on after `at`. */
  reset(at: Id): void {
    this.#segments = [];
    this.#bytes = 0;
    this.#lastFrom = -1;
    this.#lastSlice = undefined;
    this.#id = at;
    this.#n = numberOf(at);
  }

  /** Whether reading can go on here after that very entry. */
  holds(n: number, id: Id): boolean {
    if (n === this.#n) return id === this.#id;
    const segment = this.#find(n);
    return segment !== undefined && segment.ids[n - segment.first] === id;
  }

  /** What follows item `n`, up to the end of its segment; undefined when that is no longer here or not yet. */
  after(n: number): Slice | undefined {
    if (n === this.#lastFrom) return this.#lastSlice;
    const segment = this.#find(n + 1);
    if (segment === undefined) return undefined;
    const index = n + 1 - segment.first;
    const last = segment.ids.length - 1;
    const id = segment.ids[last];
    if (id === undefined) return undefined;
    const start = index === 0 ? 0 : (segment.ends[index - 1] ?? 0);
    this.#lastFrom = n;
    this.#lastSlice = {
      bytes: segment.bytes.subarray(start, segment.used),
      block: segment.block,
      items: last - index + 1,
      n: segment.first + last,
      id,
    };
    return this.#lastSlice;
  }

  #find(n: number): Segment | undefined {
    for (let i = this.#segments.length - 1; i >= 0; i -= 1) {
      const segment = this.#segments[i];
      if (segment !== undefined && n >= segment.first) {
        return n < segment.first + segment.ids.length ? segment : undefined;
      }
    }
    return undefined;
  }

  #room(length: number): Segment {
    const tail = this.#segments.at(-1);
    if (tail !== undefined && tail.bytes.length - tail.used >= length) return tail;
    // Grows with use: a quiet stream should not cost 64 KB.
    const size = tail === undefined ? FIRST_SEGMENT_BYTES : Math.min(SEGMENT_BYTES, tail.bytes.length * 2);
    // Its own memory, not the shared pool's: a small slice must not pin a pool.
    const bytes = Buffer.allocUnsafeSlow(Math.max(size, length));
    const segment: Segment = {
      bytes,
      block: { bytes: bytes.length },
      first: this.#n + 1,
      ids: [],
      ends: [],
      used: 0,
    };
    this.#segments.push(segment);
    this.#bytes += bytes.length;
    while (this.#bytes > BYTES_KEPT && this.#segments.length > 1)
      this.#bytes -= this.#segments.shift()?.bytes.length ?? 0;
    return segment;
  }
}
