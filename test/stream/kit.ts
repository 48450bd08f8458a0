import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../../src/base/clock.js";
import { type Deferred, deferred } from "../../src/base/deferred.js";
import { MemoryJournal } from "../../src/journal/memory.js";
import {
  type Appended,
  type Entry,
  JOURNAL_DEFAULTS,
  type Journal,
  type JournalOptions,
  type Page,
  type Publication,
} from "../../src/journal/port.js";
import { type Id, makeId, numberOf, type Position } from "../../src/protocol/ids.js";
import { Feed, type FeedEvents } from "../../src/stream/feed.js";
import type { Channel, Encoding, Gap, Mark } from "../../src/stream/ports.js";
import { Session } from "../../src/stream/session.js";
import { MAX_PINNED_BYTES, Stalls } from "../../src/stream/stalls.js";
import { ManualClock } from "../support/manual-clock.js";

export const STREAM = "main";

/** Lets everything that waits on promises or on the event loop's turns happen. */
export async function turns(count = 40): Promise<void> {
  for (let i = 0; i < count; i += 1) await turn();
}

/** Entries numbered from `first` on, their data of `bytes` characters. */
export function entries(first: number, count: number, bytes = 10): Entry[] {
  return Array.from({ length: count }, (_, i) => {
    const n = first + i;
    return { id: makeId(n, n.toString(36).padStart(8, "t")), at: 0, data: `${n}:`.padEnd(bytes, ".") };
  });
}

/** A line for each item: its id and its data. `encoded` counts the work. */
export function lineEncoding(): Encoding & { encoded: number } {
  return {
    name: "lines",
    encoded: 0,
    encode(entry) {
      this.encoded += 1;
      return Buffer.from(`${entry.id} ${entry.data}\n`);
    },
  };
}

/** The ids in a slice of `lineEncoding`. */
export function idsIn(frames: Uint8Array): Id[] {
  const lines = Buffer.from(frames).toString().split("\n");
  assert.equal(lines.pop(), "", "a slice ends with a whole frame");
  return lines.map((line) => line.slice(0, line.indexOf(" ")) as Id);
}

export type Given =
  | { readonly type: "item"; readonly id: Id }
  | ({ readonly type: "gap" } & Gap)
  | { readonly type: "arrived" };

/** Bytes kept by a channel that is not blocked are fewer, as with Node's sockets. */
export const HIGH_WATER_MARK = 16_384;

/** A channel that notes whatever the session does against the port's contract, and blocks when the test says. */
export class TestChannel implements Channel {
  readonly encoding: Encoding;
  readonly given: Given[] = [];
  /** How the session broke the port's contract. */
  readonly violations: string[] = [];
  session: Session | undefined;
  blocked = false;
  /** Asked to say when it takes more. */
  awaiting = false;
  /** Blocks by itself after so many writes. */
  writesLeft = Number.POSITIVE_INFINITY;
  /** Keeps what is written, though it is not blocked, until it is emptied. */
  keeping = false;
  unsent = 0;
  /** The memory behind what is kept: what a socket would hold. */
  readonly pinned = new Set<ArrayBufferLike>();
  overruns = 0;
  acceptsGaps = true;
  onArrived = () => {};
  onGap = () => {};

  constructor(encoding: Encoding) {
    this.encoding = encoding;
  }

  get items(): readonly Id[] {
    return this.given.flatMap((one) => (one.type === "item" ? [one.id] : []));
  }

  get gaps(): readonly Gap[] {
    return this.given.flatMap((one) => (one.type === "gap" ? [one] : []));
  }

  get arrivals(): number {
    return this.given.filter(({ type }) => type === "arrived").length;
  }

  get pinnedBytes(): number {
    return [...this.pinned].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  awaitWritable(): void {
    if (!this.blocked) this.violations.push("asked to wait for a socket that takes more already");
    this.awaiting = true;
  }

  write(frames: Uint8Array, items: number): void {
    const ids = idsIn(frames);
    this.given.push(...ids.map((id) => ({ type: "item", id }) as const));
    if (this.blocked) this.violations.push(`written to while blocked: ${ids[0]}`);
    if (ids.length !== items) this.violations.push(`${ids.length} items said to be ${items}`);
    if (this.overruns > 0) this.violations.push(`written to after it was overrun: ${ids[0]}`);
    this.writesLeft -= 1;
    if (this.writesLeft <= 0) this.blocked = true;
    if (!this.blocked && !this.keeping) return;
    this.unsent += frames.length;
    this.pinned.add(frames.buffer);
    if (this.unsent >= HIGH_WATER_MARK) this.blocked = true;
  }

  overrun(): void {
    this.overruns += 1;
    if (this.unsent === 0) this.violations.push("closed for memory that it did not hold");
    this.#empty();
    this.blocked = true;
    this.session?.stop();
  }

  gap(gap: Gap): boolean {
    const { after, cursor, reason } = gap;
    this.given.push({ type: "gap", after, cursor, reason });
    this.onGap();
    return this.acceptsGaps;
  }

  arrived(): void {
    this.given.push({ type: "arrived" });
    this.onArrived();
  }

  /** Takes more (`writes` of them), and says so if it was asked to. */
  unblock(writes = Number.POSITIVE_INFINITY): void {
    if (this.overruns > 0) return;
    this.writesLeft = writes;
    this.blocked = false;
    this.#empty();
    if (!this.awaiting) return;
    this.awaiting = false;
    this.session?.writable();
  }

  /** What was kept, and not enough to block it, has gone: nobody is told. */
  empty(): void {
    if (!this.blocked) this.#empty();
  }

  #empty(): void {
    this.unsent = 0;
    this.pinned.clear();
  }
}

/** The memory journal, which on demand is replaced, answers late, fails, or loses its followers. */
export class RiggedJournal implements Journal {
  readonly backend = "rigged";
  readonly keyTtlMs = 120_000;
  readonly #options: JournalOptions;
  readonly #clock: Clock;
  #journal: MemoryJournal;
  #broken = false;
  #interrupt = new AbortController();
  #held: (() => void)[] | undefined;
  #frozen: Deferred<void> | undefined;
  reads = 0;
  failingReads = 0;
  failingHeads = 0;

  constructor(options: Partial<JournalOptions>, clock: Clock) {
    this.#options = { ...JOURNAL_DEFAULTS, ...options };
    this.#clock = clock;
    this.#journal = new MemoryJournal(this.#options, clock);
  }

  /** From now on it is another, empty journal. */
  replace(): void {
    this.#journal = new MemoryJournal(this.#options, this.#clock);
    this.#interruptFollowers();
  }

  /** Followers hear of nothing until `thawFollowers`. */
  freezeFollowers(): void {
    this.#frozen ??= deferred();
  }

  thawFollowers(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }

  /** Every follower throws. */
  loseFollowers(): void {
    this.#broken = true;
    this.#interruptFollowers();
    this.#broken = false;
  }

  /** Answers of `read` are kept back until `release`; they tell what was true when they were asked for. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const give of held) give();
  }

  append(stream: string, publications: readonly Publication[]): Promise<readonly Appended[]> {
    return this.#journal.append(stream, publications);
  }

  async read(stream: string, position: Position, limit: number, signal?: AbortSignal): Promise<Page> {
    this.reads += 1;
    if (this.failingReads > 0) {
      this.failingReads -= 1;
      throw new Error("read failed");
    }
    const page = await this.#journal.read(stream, position, limit, signal);
    const held = this.#held;
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve));
    return page;
  }

  async head(stream: string, signal?: AbortSignal): Promise<Id> {
    if (this.failingHeads > 0) {
      this.failingHeads -= 1;
      throw new Error("head failed");
    }
    return this.#journal.head(stream, signal);
  }

  async *follow(stream: string, after: Id, signal: AbortSignal): AsyncGenerator<Page, void, undefined> {
    let cursor = after;
    while (!signal.aborted) {
      const journal = this.#journal;
      let broken = false;
      const interrupt = this.#interrupt.signal;
      interrupt.addEventListener("abort", () => {
        broken = this.#broken;
      });
      for await (const page of journal.follow(stream, cursor, AbortSignal.any([signal, interrupt]))) {
        cursor = page.type === "gap" ? page.cursor : (page.entries.at(-1)?.id ?? cursor);
        yield page;
      }
      if (broken) throw new Error("follower lost");
      if (!interrupt.aborted) return;
      await this.#frozen?.promise;
    }
  }

  check(): Promise<void> {
    return this.#journal.check();
  }

  close(): Promise<void> {
    return this.#journal.close();
  }

  #interruptFollowers(): void {
    const interrupt = this.#interrupt;
    this.#interrupt = new AbortController();
    interrupt.abort();
  }
}

export interface World {
  readonly clock: ManualClock;
  readonly journal: RiggedJournal;
  readonly feed: Feed;
  readonly stalls: Stalls;
  readonly encoding: ReturnType<typeof lineEncoding>;
  /** What the feed told, a line each. */
  readonly told: string[];
  /** Starts the follower. */
  follow(): void;
  /** Item `n` of the journal that the follower knows. */
  mark(n: number): Mark;
  /** Appends items and gives their ids. */
  append(count: number, bytes?: number): Promise<Id[]>;
  /** Opens a session after `cursor`. */
  open(cursor: Id, prepare?: (channel: TestChannel) => void): { channel: TestChannel; session: Session };
  /** Stops following. */
  end(): Promise<void>;
}

/** A feed over a rigged journal; the follower runs unless told otherwise. */
export async function world(
  options: Partial<JournalOptions> = {},
  following = true,
  maxPinnedBytes = MAX_PINNED_BYTES,
): Promise<World> {
  const clock = new ManualClock();
  const journal = new RiggedJournal(options, clock);
  const told: string[] = [];
  const events: FeedEvents = {
    items: (stream, count, lagMs, ageMs) => told.push(`items ${stream} ${count} ${lagMs} ${ageMs}`),
    gap: (stream, reason) => told.push(`gap ${stream} ${reason}`),
    ended: (stream) => told.push(`ended ${stream}`),
    failed: (stream, error) => told.push(`failed ${stream} ${error.message}`),
  };
  const stalls = new Stalls(maxPinnedBytes);
  const feed = new Feed(STREAM, await journal.head(STREAM), { journal, clock, events, stalls });
  const encoding = lineEncoding();
  const abort = new AbortController();
  let followed: Promise<void> | undefined;
  let appended = 0;
  const it: World = {
    clock,
    journal,
    feed,
    stalls,
    encoding,
    told,
    follow: () => {
      followed = feed.follow(abort.signal);
    },
    mark: (n) => ({ n, generation: feed.generation }),
    async append(count, bytes = 10) {
      const publications = Array.from({ length: count }, () => {
        appended += 1;
        return { publisher: "test", key: `${appended}`, data: `"${appended}"`.padEnd(bytes, " ") };
      });
      return (await journal.append(STREAM, publications)).map(({ id }) => id);
    },
    open(cursor, prepare) {
      const channel = new TestChannel(encoding);
      prepare?.(channel);
      const session = new Session(feed, channel, cursor);
      channel.session = session;
      session.start();
      return { channel, session };
    },
    async end() {
      abort.abort();
      await followed;
    },
  };
  if (following) it.follow();
  return it;
}

/** Numbers of ids. */
export const numbers = (ids: readonly Id[]): number[] => ids.map(numberOf);
