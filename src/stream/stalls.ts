/** A piece of memory that items are written from: a segment of a frame log, or a page. Stands for it, and holds none of it. */
export interface Block {
  readonly bytes: number;
}

/** Whoever memory can be held for. */
export interface Staller {
  /** Bytes handed over that have not left the process; 0 once it is closed. */
  readonly unsent: number;
  /**
   * Too much is held for those who take nothing, and for this one longest: it is closed at once, and
   * without a word, which would stand behind what it does not take.
   */
  overrun(): void;
}

const NONE: readonly Block[] = [];

/** What is held for stalled sockets until one is closed for it, bytes. */
export const MAX_PINNED_BYTES = 67_108_864;

/**
 * Whose sockets take nothing, since when, and what memory they hold by that. A block that several hold is counted once,
 * for it is there once. Beyond the ceiling the longest-stalled are closed; they come back and go on after their cursor.
 * So all slow clients together cost no more than the ceiling, whatever they miss.
 */
export class Stalls {
  readonly #maxBytes: number;
  /** In the order in which they stalled: the longest first. */
  readonly #held = new Map<Staller, readonly Block[]>();
  readonly #holders = new Map<Block, number>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many are stalled. */
  get size(): number {
    return this.#held.size;
  }

  /** What they hold, bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `staller` takes nothing any more, and holds `blocks`, beside those that it is known to hold already. */
  hold(staller: Staller, blocks: readonly Block[]): void {
    const known = this.#held.get(staller) ?? NONE;
    const added = blocks.filter((block) => !known.includes(block));
    if (added.length === 0) return;
    // Who is known already keeps its place: it has not taken anything since.
    this.#held.set(staller, [...known, ...added]);
    for (const block of added) {
      const holders = this.#holders.get(block) ?? 0;
      this.#holders.set(block, holders + 1);
      if (holders === 0) this.#bytes += block.bytes;
    }
    if (this.#bytes > this.#maxBytes) this.#relieve();
  }

  /** `staller` has taken everything, or is gone. */
  release(staller: Staller): void {
    const blocks = this.#held.get(staller);
    if (blocks === undefined) return;
    this.#held.delete(staller);
    for (const block of blocks) {
      const holders = this.#holders.get(block) ?? 0;
      if (holders > 1) this.#holders.set(block, holders - 1);
      else {
        this.#holders.delete(block);
        this.#bytes -= block.bytes;
      }
    }
  }

  #relieve(): void {
    for (const [staller] of this.#held) {
      if (this.#bytes <= this.#maxBytes) return;
      this.release(staller);
      // Some have taken what they had in silence: nobody is told when a socket that was not full becomes empty.
      if (staller.unsent > 0) staller.overrun();
    }
  }
}
