import { type Cancel, type Clock, sleep } from "../base/clock.js";
import { toError } from "../base/errors.js";
import type { Entry, GapReason, Journal, Page } from "../journal/port.js";
import { type Id, numberOf } from "../protocol/ids.js";
import { coalesced } from "./coalesced.js";
import { FrameLog } from "./frame-log.js";
import type { Line } from "./line.js";
import { PageCache } from "./page-cache.js";
import { type EncodedPage, PageStore } from "./page-store.js";
import type { Encoding, Mark } from "./ports.js";
import { Pump } from "./pump.js";
import type { Session } from "./session.js";
import type { Stalls } from "./stalls.js";
import { nextTurn } from "./turn.js";

/** Between two attempts to follow a journal that was lost, ms. */
const RETRY_MS = 500;

export interface FeedEvents {
  /** Items came from the journal; `lagMs` is how long ago the last of them was appended, `ageMs` the first. */
  items(stream: string, count: number, lagMs: number, ageMs: number): void;
  gap(stream: string, reason: GapReason): void;
  /** The journal was closed under the follower. */
  ended(stream: string): void;
  /** Following failed and is tried again. */
  failed(stream: string, error: Error): void;
}

/** What the feeds of a process have in common. */
export interface FeedOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly events: FeedEvents;
  readonly stalls: Stalls;
  /** Default: one of its own. */
  readonly pages?: PageStore;
  /** The first session has begun, or the last one has ended. */
  readonly onUse?: (feed: Feed) => void;
}

/** One stream, as this process sees it: follows the journal and feeds the frame logs of the encodings in use. */
export class Feed {
  readonly stream: string;
  /**
   * The journal's head, which the follower may not have reached yet; however many sessions start at once, they share
   * the asking.
   * @throws LastcallError `journal_unavailable`
   */
  readonly head: () => Promise<Id>;
  readonly #options: FeedOptions;
  readonly #lines = new Map<string, Line>();
  readonly #pages: PageCache;
  readonly #waiting = new Set<Session>();
  #at: Id;
  #generation = 0;
  /** Where it went on when the journal was last replaced. */
  #resumedAt = 0;
  #sessions = 0;
  #retrying = false;
  #follower: AbortSignal | undefined;
  #ended = false;
  #cancelRetry: Cancel = () => {};

  constructor(stream: string, at: Id, options: FeedOptions) {
    const { journal, pages = new PageStore() } = options;
    this.stream = stream;
    this.#at = at;
    this.#options = options;
    this.#pages = new PageCache(journal, stream, pages, () => this.#at);
    this.head = coalesced(() => journal.head(stream));
  }

  /** Whether any session reads it, or waits to. */
  get used(): boolean {
    return this.#sessions > 0;
  }

  get stalls(): Stalls {
    return this.#options.stalls;
  }

  /** How far the follower is. */
  get at(): Id {
    return this.#at;
  }

  /** How many times the journal was replaced under the follower: numbers of different generations cannot be compared. */
  get generation(): number {
    return this.#generation;
  }

  /** Number of the item up to which `mark` asks for, now. Where the journal was replaced since, it is the place to go on from. */
  owed(mark: Mark): number {
    return mark.generation === this.#generation ? mark.n : this.#resumedAt;
  }

  line(encoding: Encoding): Line {
    let line = this.#lines.get(encoding.name);
    if (line === undefined) {
      const log = new FrameLog(encoding, this.#at);
      line = { log, pump: new Pump(log), sessions: 0 };
      this.#lines.set(encoding.name, line);
    }
    return line;
  }

  page(encoding: Encoding, after: Id): Promise<EncodedPage> {
    return this.#pages.read(encoding, after);
  }

  /** A session begins. */
  enter(line: Line): void {
    line.sessions += 1;
    this.#sessions += 1;
    if (this.#sessions === 1) this.#options.onUse?.(this);
  }

  /** A session has ended. */
  leave(session: Session, line: Line): void {
    this.#waiting.delete(session);
    line.sessions -= 1;
    this.#sessions -= 1;
    if (this.#sessions === 0) this.#options.onUse?.(this);
  }

  /** Keeps a session until the follower has moved. */
  await(session: Session): void {
    this.#waiting.add(session);
  }

  /** Keeps a session that the journal did not answer, until the follower has moved, or a moment has passed. */
  retry(session: Session): void {
    this.#waiting.add(session);
    if (this.#retrying || this.#ended) return;
    this.#retrying = true;
    this.#cancelRetry = this.#options.clock.after(RETRY_MS, () => {
      this.#retrying = false;
      this.#wakeWaiting();
    });
  }

  forget(session: Session): void {
    this.#waiting.delete(session);
  }

  /** Follows the journal until `signal` aborts, through any loss of it. May be called again after that. */
  async follow(signal: AbortSignal): Promise<void> {
    this.#follower = signal;
    this.#ended = false;
    await this.#followOn(signal);
    // It may be followed anew by then.
    if (this.#follower !== signal) return;
    this.#ended = true;
    this.#retrying = false;
    this.#cancelRetry();
  }

  async #followOn(signal: AbortSignal): Promise<void> {
    const { journal, clock, events } = this.#options;
    while (!signal.aborted) {
      try {
        for await (const page of journal.follow(this.stream, this.#at, signal)) {
          if (signal.aborted) return;
          this.#take(page);
          // There is more where it came from, and those who read it have their turn first.
          if (page.head !== this.#at) await nextTurn();
        }
        if (!signal.aborted) events.ended(this.stream);
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        events.failed(this.stream, toError(thrown));
        await sleep(clock, RETRY_MS, signal);
        this.#wakeWaiting();
      }
    }
  }

  #take(page: Page): void {
    if (page.type === "gap") {
      this.#lose(page);
      return;
    }
    const [first, last] = [page.entries[0], page.entries.at(-1)];
    if (first === undefined || last === undefined) return;
    this.#at = last.id;
    for (const { log, pump, sessions } of this.#lines.values()) {
      // Nothing is encoded for nobody: whoever comes back to it reads what it missed from the journal.
      if (sessions === 0) log.reset(last.id);
      else log.append(page.entries);
      pump.wake();
    }
    const age = ({ at }: Entry) => Math.max(0, this.#options.clock.epoch() - at);
    this.#options.events.items(this.stream, page.entries.length, age(last), age(first));
    this.#wakeWaiting();
  }

  #lose(page: Extract<Page, { type: "gap" }>): void {
    this.#at = page.cursor;
    if (page.reason === "replaced") {
      this.#generation += 1;
      this.#resumedAt = numberOf(page.cursor);
    }
    this.#pages.clear();
    this.#options.events.gap(this.stream, page.reason);
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
