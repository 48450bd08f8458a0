import { aborted } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import type { Entry, GapReason, Journal, Page } from "../journal/port.js";
import { type Id, numberOf, type Position } from "../protocol/ids.js";
import type { Feed } from "../stream/feed.js";
import type { Feeds } from "../stream/feeds.js";
import type { Mark } from "../stream/ports.js";
import type { Marks } from "../wire/connection.js";

/** Entries asked of the journal at a time for one answer, and characters of data from which on it is long enough. */
const PART_ENTRIES = 64;
const ANSWER_CHARACTERS = 1_048_576;

/** The streams of the journal, read from and followed. */
export class Streams {
  readonly #journal: Journal;
  readonly #feeds: Feeds;
  readonly #onGap: (reason: GapReason) => void;

  constructor(journal: Journal, feeds: Feeds, onGap: (reason: GapReason) => void) {
    this.#journal = journal;
    this.#feeds = feeds;
    this.#onGap = onGap;
  }

  /** Follows a stream from now on. */
  open(stream: string): Promise<Feed> {
    return this.#feeds.open(stream);
  }

  /**
   * Entries after a position.
   * @throws LastcallError `gap`, when the journal does not hold it: with the reason, and the cursor to go on from
   */
  async read(stream: string, after: Position, limit: number): Promise<Extract<Page, { type: "entries" }>> {
    const page = await this.#journal.read(stream, after, limit);
    if (page.type === "entries") return page;
    const { reason, cursor } = page;
    this.#onGap(reason);
    throw new LastcallError("gap", `nothing can be read after ${after}: the journal was ${reason}`, {
      detail: { reason, cursor },
    });
  }

  /**
   * The same, in parts: fewer than `limit` once they are large together, so that an answer to one request has its bound
   * whatever the items' size.
   */
  async readBounded(
    stream: string,
    after: Position,
    limit: number,
  ): Promise<{ entries: readonly Entry[]; cursor: Id }> {
    let page = await this.read(stream, after, Math.min(limit, PART_ENTRIES));
    let cursor = page.after;
    let characters = 0;
    const entries: Entry[] = [];
    while (page.entries.length > 0) {
      entries.push(...page.entries);
      cursor = page.entries.at(-1)?.id ?? cursor;
      for (const { data } of page.entries) characters += data.length;
      if (cursor === page.head || entries.length >= limit || characters >= ANSWER_CHARACTERS) break;
      const next = await this.#journal.read(stream, cursor, Math.min(limit - entries.length, PART_ENTRIES));
      // Whoever goes on from here is told of it.
      if (next.type === "gap") break;
      page = next;
    }
    return { entries, cursor };
  }

  /** The stream's feed, if it is followed already. */
  followed(stream: string): Feed | undefined {
    return this.#feeds.current(stream);
  }

  /** Where a position of a followed stream is in the journal now; an id is taken as it is, and judged when it is read on from. */
  async locate(feed: Feed, position: Position): Promise<{ readonly cursor: Id; readonly head: Id }> {
    if (position !== "oldest") {
      const head = await feed.head();
      return { cursor: position === "now" ? head : position, head };
    }
    const page = await this.#journal.read(feed.stream, position, 1);
    return { cursor: page.after, head: page.head };
  }

  /** How far each stream is to be served. Where the journal does not answer in time, what was seen of it counts. */
  async marks(signal: AbortSignal): Promise<Marks> {
    const feeds = this.#feeds.all();
    const abort = aborted(signal);
    const marks = await Promise.all(
      feeds.map(async (feed): Promise<[string, Mark]> => [feed.stream, await this.#mark(feed, signal, abort.promise)]),
    );
    abort.stop();
    return new Map(marks);
  }

  /** Asked from where the follower is, for a head alone would not tell that it is one of another journal. */
  async #mark(feed: Feed, signal: AbortSignal, enough: Promise<void>): Promise<Mark> {
    const { generation } = feed;
    const asked: Promise<Page | undefined> = this.#journal.read(feed.stream, feed.at, 1, signal).catch(() => undefined);
    const page = (await Promise.race([asked, enough])) ?? undefined;
    if (page === undefined) return { n: numberOf(feed.at), generation: feed.generation };
    const replaced = page.type === "gap" && page.reason === "replaced";
    return { n: replaced ? Number.POSITIVE_INFINITY : numberOf(page.head), generation };
  }
}
