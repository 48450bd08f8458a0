import type { Clock } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import type { Journal } from "../journal/port.js";
import { Feed, type FeedEvents } from "./feed.js";

/** The feeds of a process, made when a stream is first asked for. */
export class Feeds {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #events: FeedEvents;
  readonly #feeds = new Map<string, Promise<Feed>>();
  readonly #current = new Map<string, Feed>();
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

  /** The stream's feed, if it is followed already. */
  current(stream: string): Feed | undefined {
    return this.#current.get(stream);
  }

  /** Every stream that is followed. */
  all(): readonly Feed[] {
    return [...this.#current.values()];
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
    this.#current.set(stream, feed);
    const following = feed.follow(this.#abort.signal).finally(() => this.#following.delete(following));
    this.#following.add(following);
    return feed;
  }
}
