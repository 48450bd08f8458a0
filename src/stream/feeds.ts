import type { Cancel } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import { Feed, type FeedOptions } from "./feed.js";
import { PageStore } from "./page-store.js";

/** A stream that nobody has read, or asked for, this long is followed no longer, ms. */
const UNUSED_MS = 60_000;

/** A feed that is followed. */
interface Followed {
  readonly abort: AbortController;
  /** When it was last used, or asked for. */
  wantedAt: number;
  /** Set while it is not used: looks whether it is to be given up. */
  cancel: Cancel | undefined;
}

/** The feeds of a process: made when a stream is first asked for, given up when nobody has wanted it for a while. */
export class Feeds {
  readonly #options: FeedOptions;
  readonly #opening = new Map<string, Promise<Feed>>();
  readonly #current = new Map<string, Feed>();
  readonly #followed = new Map<Feed, Followed>();
  readonly #following = new Set<Promise<void>>();
  readonly #abort = new AbortController();

  constructor(options: Omit<FeedOptions, "onUse">) {
    this.#options = { pages: new PageStore(), ...options, onUse: (feed) => this.#onUse(feed) };
  }

  /** @throws LastcallError `journal_unavailable`, `too_many_streams`, `shutting_down` */
  open(stream: string): Promise<Feed> {
    const current = this.current(stream);
    if (current !== undefined) return Promise.resolve(current);
    let opening = this.#opening.get(stream);
    if (opening === undefined) {
      // A failed start is not remembered.
      opening = this.#make(stream).finally(() => this.#opening.delete(stream));
      this.#opening.set(stream, opening);
    }
    return opening;
  }

  /** The stream's feed, if it is followed already. */
  current(stream: string): Feed | undefined {
    const feed = this.#current.get(stream);
    const followed = feed && this.#followed.get(feed);
    // Whoever asks may use it soon.
    if (followed !== undefined) followed.wantedAt = this.#options.clock.now();
    return feed;
  }

  /** Every stream that is followed. */
  all(): readonly Feed[] {
    return [...this.#followed.keys()];
  }

  /** Stops following. */
  async close(): Promise<void> {
    this.#abort.abort();
    for (const { abort, cancel } of this.#followed.values()) {
      cancel?.();
      abort.abort();
    }
    await Promise.all(this.#following);
  }

  async #make(stream: string): Promise<Feed> {
    const { signal } = this.#abort;
    const head = signal.aborted ? undefined : await this.#options.journal.head(stream, signal);
    if (head === undefined || signal.aborted) throw new LastcallError("shutting_down", "the service is shutting down");
    const feed = new Feed(stream, head, this.#options);
    this.#current.set(stream, feed);
    this.#follow(feed);
    return feed;
  }

  #follow(feed: Feed): void {
    const followed: Followed = { abort: new AbortController(), wantedAt: this.#options.clock.now(), cancel: undefined };
    this.#followed.set(feed, followed);
    const following = feed.follow(followed.abort.signal).finally(() => this.#following.delete(following));
    this.#following.add(following);
    this.#onUse(feed);
  }

  #onUse(feed: Feed): void {
    if (this.#abort.signal.aborted) return;
    const followed = this.#followed.get(feed);
    if (followed === undefined) {
      if (feed.used) this.#takeBack(feed);
      return;
    }
    if (feed.used) {
      followed.cancel?.();
      followed.cancel = undefined;
    } else {
      followed.wantedAt = this.#options.clock.now();
      followed.cancel ??= this.#options.clock.after(UNUSED_MS, () => this.#look(feed, followed));
    }
  }

  /** Somebody who asked for a feed long ago begins only now. A second feed of its stream would do no harm. */
  #takeBack(feed: Feed): void {
    if (!this.#current.has(feed.stream)) this.#current.set(feed.stream, feed);
    this.#follow(feed);
  }

  /** Gives a feed up that nobody uses, unless it was asked for meanwhile. */
  #look(feed: Feed, followed: Followed): void {
    const leftMs = followed.wantedAt + UNUSED_MS - this.#options.clock.now();
    if (leftMs > 0) {
      followed.cancel = this.#options.clock.after(leftMs, () => this.#look(feed, followed));
      return;
    }
    followed.abort.abort();
    this.#followed.delete(feed);
    if (this.#current.get(feed.stream) === feed) this.#current.delete(feed.stream);
  }
}
