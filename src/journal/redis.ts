import { type Clock, sleep } from "../base/clock.js";
import type { Id, Position } from "../protocol/ids.js";
import { Batcher } from "./batcher.js";
import { checkId, checkLimit, checkPosition, checkStream, endOf, FOLLOW_PAGE } from "./cursor.js";
import type { Appended, Journal, JournalOptions, Page, Publication } from "./port.js";
import { Writer } from "./redis-append.js";
import { Connection } from "./redis-connect.js";
import { Keys } from "./redis-keys.js";
import { Reader } from "./redis-read.js";
import type { RedisUrl } from "./redis-url.js";
import { Watch } from "./redis-watch.js";
import { closed } from "./refusals.js";
import { createTags } from "./tags.js";

/** How often what is too old is swept, ms; done when somebody calls, so no timer holds the process. */
const SWEEP_MS = 1_000;
/** How long opening waits for Redis, ms: a signal is heard only afterwards, and is to be obeyed within a second. */
const OPEN_MS = 500;
/** Publications in one script, at most: Redis does nothing else while it runs (a few ms). */
const BATCH = 256;
/** Batches under way on one connection, which keeps their order. A Cluster may send one elsewhere, so there it is one. */
const IN_FLIGHT = 4;

/**
 * Opens a journal in Redis. Waits a moment for the first connection; a Redis that is away does not keep a process from
 * starting, its calls reject with `journal_unavailable` until it is there.
 */
export async function openRedis(url: RedisUrl, options: JournalOptions, clock: Clock): Promise<Journal> {
  // Only a write finds out that a master became a replica; whoever reads there would wait for what is written elsewhere.
  const demoted = () => {
    for (const connection of Object.values(connections)) connection.reconnect();
  };
  const connections: Connections = {
    append: new Connection(url, demoted),
    read: new Connection(url, demoted),
    watch: new Connection(url, demoted),
  };
  const enough = new AbortController();
  const tried = Promise.all(Object.values(connections).map((one) => one.tried())).then(() => enough.abort());
  await Promise.race([tried, sleep(clock, OPEN_MS, enough.signal)]);
  return new RedisJournal(connections, url, options, clock);
}

interface Connections {
  readonly append: Connection;
  readonly read: Connection;
  readonly watch: Connection;
}

/**
 * A journal in Redis Streams (Redis >= 6.2, or Valkey), for any number of processes. As durable as Redis is set up to be
 * (`appendfsync`, replicas, `redisWait`); what Redis loses is told to every reader as `replaced`. Its keys must not be
 * evicted: `maxmemory-policy noeviction`.
 */
class RedisJournal implements Journal {
  readonly backend = "redis";
  readonly keyTtlMs: number;
  readonly #options: JournalOptions;
  readonly #clock: Clock;
  readonly #connections: Connections;
  readonly #writer: Writer;
  readonly #reader: Reader;
  readonly #watch: Watch;
  readonly #batcher: Batcher;
  #sweepAt: number;
  #state: "open" | "closed" = "open";

  constructor(connections: Connections, { prefix, target }: RedisUrl, options: JournalOptions, clock: Clock) {
    const keys = new Keys(prefix);
    const tag = createTags();
    this.keyTtlMs = options.keyTtlMs;
    this.#options = options;
    this.#clock = clock;
    this.#connections = connections;
    this.#writer = new Writer(connections.append, keys, options, tag);
    this.#reader = new Reader(connections.read, keys, options, tag);
    this.#watch = new Watch(connections.watch, this.#reader, clock, options.maxStreams, tag);
    this.#batcher = new Batcher((appends) => this.#writer.commit(appends), {
      inFlight: target.type === "cluster" ? 1 : IN_FLIGHT,
      most: BATCH,
    });
    this.#sweepAt = clock.now() + SWEEP_MS;
  }

  async append(
    stream: string,
    publications: readonly Publication[],
    signal?: AbortSignal,
  ): Promise<readonly Appended[]> {
    this.#open();
    checkStream(stream);
    this.#sweep();
    return this.#batcher.append(stream, publications, signal);
  }

  async read(stream: string, position: Position, limit: number, signal?: AbortSignal): Promise<Page> {
    signal?.throwIfAborted();
    this.#open();
    checkStream(stream);
    checkPosition(position);
    checkLimit(limit);
    return this.#reader.read(stream, position, limit);
  }

  async head(stream: string, signal?: AbortSignal): Promise<Id> {
    const { head } = await this.read(stream, "now", 1, signal);
    return head;
  }

  async *follow(stream: string, after: Id, signal: AbortSignal): AsyncGenerator<Page, void, undefined> {
    this.#open();
    checkStream(stream);
    checkId(after);
    let cursor = after;
    let atHead = false;
    while (!signal.aborted && !this.#isClosed()) {
      const page = await this.#next(stream, cursor, atHead, signal);
      if (page === undefined || signal.aborted || this.#isClosed()) return;
      const next = endOf(page);
      atHead = (next ?? cursor) === page.head;
      if (next === undefined) continue;
      cursor = next;
      yield page;
    }
  }

  async check(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#open();
    // Not after them: a Redis that is full fails them until it was swept.
    this.#sweep();
    await Promise.all([this.#writer.probe(), this.#reader.ping()]);
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#watch.close();
    this.#batcher.refuse(closed());
    for (const connection of Object.values(this.#connections)) connection.close();
  }

  /** The page after `cursor`; nothing when there will be none. */
  async #next(stream: string, cursor: Id, atHead: boolean, signal: AbortSignal): Promise<Page | undefined> {
    try {
      if (atHead) return await this.#watch.wait(stream, cursor, signal);
      return await this.#reader.read(stream, cursor, FOLLOW_PAGE);
    } catch (thrown) {
      if (signal.aborted || this.#isClosed()) return undefined;
      throw thrown;
    }
  }

  #open(): void {
    if (this.#isClosed()) throw closed();
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Beside whatever is going on: what fails is done by the next one. */
  #sweep(): void {
    if (this.#options.retentionMs === 0 || this.#clock.now() < this.#sweepAt || this.#isClosed()) return;
    this.#sweepAt = this.#clock.now() + SWEEP_MS;
    this.#reader.sweep().catch(() => {});
  }
}
