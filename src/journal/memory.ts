import type { Clock } from "../base/clock.js";
import type { Id, Position } from "../protocol/ids.js";
import { checkId, checkLimit, checkPosition, checkStream, endOf, FOLLOW_PAGE } from "./cursor.js";
import { MemoryStream, type Moment } from "./memory-stream.js";
import type { Appended, Journal, JournalOptions, Page, Publication } from "./port.js";
import { closed, tooManyStreams } from "./refusals.js";
import { createTags } from "./tags.js";

/** How often the streams are swept of what is too old, ms; done when somebody calls, so no timer holds the process. */
const SWEEP_MS = 1_000;

type State =
  | { readonly type: "open"; readonly streams: Map<string, MemoryStream>; sweepAt: number }
  | { readonly type: "closed" };

/** A journal in this process's memory: for tests and throw-away demos. It ends with the process. */
export class MemoryJournal implements Journal {
  readonly backend = "memory";
  readonly keyTtlMs: number;
  readonly #options: JournalOptions;
  readonly #clock: Clock;
  readonly #tag = createTags();
  #state: State;

  constructor(options: JournalOptions, clock: Clock) {
    this.keyTtlMs = options.keyTtlMs;
    this.#options = options;
    this.#clock = clock;
    this.#state = { type: "open", streams: new Map(), sweepAt: clock.now() + SWEEP_MS };
  }

  async append(
    stream: string,
    publications: readonly Publication[],
    signal?: AbortSignal,
  ): Promise<readonly Appended[]> {
    signal?.throwIfAborted();
    const moment = { now: this.#clock.now(), epoch: this.#clock.epoch() };
    return this.#stream(stream, moment).append(publications, moment);
  }

  async read(stream: string, position: Position, limit: number, signal?: AbortSignal): Promise<Page> {
    signal?.throwIfAborted();
    checkPosition(position);
    checkLimit(limit);
    return this.#stream(stream).read(position, limit);
  }

  async head(stream: string, signal?: AbortSignal): Promise<Id> {
    signal?.throwIfAborted();
    return this.#stream(stream).head;
  }

  async *follow(stream: string, after: Id, signal: AbortSignal): AsyncGenerator<Page, void, undefined> {
    this.#open();
    checkId(after);
    let cursor = after;
    while (!signal.aborted && this.#state.type === "open") {
      const followed = this.#stream(stream);
      const page = followed.read(cursor, FOLLOW_PAGE);
      const next = endOf(page);
      if (next === undefined) {
        await followed.bell.next(signal);
      } else {
        cursor = next;
        yield page;
      }
    }
  }

  async check(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#open();
  }

  async close(): Promise<void> {
    const state = this.#state;
    if (state.type === "closed") return;
    this.#state = { type: "closed" };
    for (const stream of state.streams.values()) stream.bell.ring();
  }

  #open(): Extract<State, { type: "open" }> {
    if (this.#state.type === "open") return this.#state;
    throw closed();
  }

  #stream(name: string, moment: Moment = { now: this.#clock.now(), epoch: this.#clock.epoch() }): MemoryStream {
    const state = this.#open();
    if (moment.now >= state.sweepAt) {
      state.sweepAt = moment.now + SWEEP_MS;
      for (const stream of state.streams.values()) stream.sweep(moment);
    }
    const found = state.streams.get(name);
    if (found !== undefined) return found;
    checkStream(name);
    if (state.streams.size >= this.#options.maxStreams) throw tooManyStreams(this.#options.maxStreams);
    const made = new MemoryStream(this.#options, this.#tag);
    state.streams.set(name, made);
    return made;
  }
}
