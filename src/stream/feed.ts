import { type Clock, sleep } from "../base/clock.js";
import { LastcallError, toError } from "../base/errors.js";
import type { Journal, Page } from "../journal/port.js";
import type { Id } from "../protocol/ids.js";
import { FrameLog } from "./frame-log.js";
import { type EncodedPage, PageCache } from "./page-cache.js";
import type { Encoding } from "./ports.js";
import { Pump } from "./pump.js";
import type { Session } from "./session.js";

/** One encoding's log and those who read it. */
export interface Line {
  readonly log: FrameLog;
  readonly pump: Pump;
}

/** Between two attempts to follow a journal that was lost, ms. */
const RETRY_MS = 500;

export interface FeedEvents {
  /** Items came from the journal; `lagMs` is how long ago the last of them was appended. */
  items(stream: string, count: number, lagMs: number): void;
  gap(stream: string, reason: string): void;
  /** The journal was closed under the follower. */
  ended(stream: string): void;
  /** Following failed and is tried again. */
  failed(stream: string, error: Error): void;
}

/** One stream, as this process sees it: follows the journal and feeds the frame logs of the encodings in use. */
export class Feed {
  readonly stream: string;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #events: FeedEvents;
  readonly #lines = new Map<string, Line>();
  readonly #pages: PageCache;
  readonly #waiting = new Set<Session>();
  #at: Id;

  constructor(journal: Journal, stream: string, at: Id, clock: Clock, events: FeedEvents) {
    this.stream = stream;
    this.#journal = journal;
    this.#at = at;
    this.#clock = clock;
    this.#events = events;
    this.#pages = new PageCache(journal, stream);
  }

  /** How far the follower is. */
  get at(): Id {
    return this.#at;
  }

  line(encoding: Encoding): Line {
    let line = this.#lines.get(encoding.name);
    if (line === undefined) {
      const log = new FrameLog(encoding, this.#at);
      line = { log, pump: new Pump(log) };
      this.#lines.set(encoding.name, line);
    }
    return line;
  }

  page(encoding: Encoding, after: Id): Promise<EncodedPage> {
    return this.#pages.read(encoding, after);
  }

  /** Keeps a session until the follower has moved. */
  await(session: Session): void {
    this.#waiting.add(session);
  }

  forget(session: Session): void {
    this.#waiting.delete(session);
  }

  /** Follows the journal until `signal` aborts, through any loss of it. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const page of this.#journal.follow(this.stream, this.#at, signal)) this.#take(page);
        if (!signal.aborted) this.#events.ended(this.stream);
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#events.failed(this.stream, toError(thrown));
        await sleep(this.#clock, RETRY_MS, signal);
        this.#wakeWaiting();
      }
    }
  }

  #take(page: Page): void {
    if (page.type === "gap") {
      this.#lose(page);
      return;
    }
    const last = page.entries.at(-1);
    if (last === undefined) return;
    this.#at = last.id;
    for (const line of this.#lines.values()) {
      line.log.append(page.entries);
      line.pump.wake();
    }
    this.#events.items(this.stream, page.entries.length, Math.max(0, this.#clock.epoch() - last.at));
    this.#wakeWaiting();
  }

  #lose(page: Extract<Page, { type: "gap" }>): void {
    this.#at = page.cursor;
    this.#pages.clear();
    this.#events.gap(this.stream, page.reason);
    for (const { log, pump } of this.#lines.values()) {
      const sessions = pump.sessions();
      log.reset(page.cursor);
      for (const session of sessions) session.lost(page);
    }
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const session of waiting) session.followerMoved();
  }
}

/** The feeds of a process, made when a stream is first asked for. */
export class Feeds {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #events: FeedEvents;
  readonly #feeds = new Map<string, Promise<Feed>>();
  readonly #abort = new AbortController();
  readonly #following = new Set<Promise<void>>();

  constructor(journal: Journal, clock: Clock, events: FeedEvents) {
    this.#journal = journal;
    this.#clock = clock;
    this.#events = events;
  }

  /** @throws LastcallError `journal_unavailable`, `too_many_streams` */
  open(stream: string): Promise<Feed> {
    const known = this.#feeds.get(stream);
    if (known !== undefined) return known;
    const feed = this.#start(stream);
    this.#feeds.set(stream, feed);
    // A failed start must not be remembered.
    feed.catch(() => this.#feeds.delete(stream));
    return feed;
  }

  /** Every stream that has a feed. */
  async all(): Promise<readonly Feed[]> {
    const settled = await Promise.allSettled(this.#feeds.values());
    return settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  }

  /** Stops following. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#following);
  }

  async #start(stream: string): Promise<Feed> {
    const head = await this.#journal.head(stream, this.#abort.signal);
    if (this.#abort.signal.aborted) throw new LastcallError("shutting_down", "the service is shutting down");
    const feed = new Feed(this.#journal, stream, head, this.#clock, this.#events);
    const following = feed.follow(this.#abort.signal).finally(() => this.#following.delete(following));
    this.#following.add(following);
    return feed;
  }
}
