import type { Clock } from "../base/clock.js";
import { toError } from "../base/errors.js";
import { type Id, numberOf } from "../protocol/ids.js";
import { FOLLOW_PAGE } from "./cursor.js";
import type { Page } from "./port.js";
import { toPage } from "./redis-answers.js";
import type { Connection } from "./redis-connect.js";
import { unavailable } from "./redis-errors.js";
import type { Reader } from "./redis-read.js";

/**
 * How long one blocking read waits, ms; and how long a cursor goes unjudged at most, for nothing else tells that Redis
 * was emptied: it drops no connection, and an empty stream wakes nobody.
 */
const BLOCK_MS = 1_000;
/** Cursors judged with one script, at most. */
const JUDGED_TOGETHER = 100;

interface Waiter {
  readonly stream: string;
  /** The stream's head, when it was last asked for. */
  readonly cursor: Id;
  judgedAt: number;
  readonly resolve: (page: Page | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** The number of the first new entry of each stream that has one. */
type Rung = ReadonlyMap<string, number>;

/**
 * Waits for new entries: one blocking read on a connection of its own, over all streams that somebody waits for. It only
 * rings; the page behind it is read, and its cursor judged, by the script.
 */
export class Watch {
  readonly #connection: Connection;
  readonly #reader: Reader;
  readonly #clock: Clock;
  readonly #maxStreams: number;
  readonly #bell: string;
  readonly #waiting = new Set<Waiter>();
  /** Where the blocking read under way begins in each stream; undefined while there is none. */
  #reading: ReadonlyMap<string, number> | undefined;
  #running = false;
  #rings = 0;

  constructor(connection: Connection, reader: Reader, clock: Clock, maxStreams: number, tag: () => string) {
    this.#connection = connection;
    this.#reader = reader;
    this.#clock = clock;
    this.#maxStreams = maxStreams;
    this.#bell = reader.keys.bell(tag() + tag());
  }

  /**
   * Settles with the next page after `cursor`, which was the head a moment ago: one that holds entries or tells a gap.
   * With nothing when `signal` aborts or the journal closes. Rejects when Redis is lost.
   */
  wait(stream: string, cursor: Id, signal: AbortSignal): Promise<Page | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return resolve(undefined);
      const end = () => settle(() => resolve(undefined));
      const settle = (how: () => void) => {
        this.#waiting.delete(waiter);
        signal.removeEventListener("abort", end);
        how();
      };
      const waiter: Waiter = {
        stream,
        cursor,
        judgedAt: this.#clock.now(),
        resolve: (page) => settle(() => resolve(page)),
        reject: (error) => settle(() => reject(error)),
      };
      signal.addEventListener("abort", end, { once: true });
      this.#waiting.add(waiter);
      this.#begin(waiter);
    });
  }

  /** Ends all waiting. */
  close(): void {
    for (const waiter of [...this.#waiting]) waiter.resolve(undefined);
  }

  #begin({ stream, cursor }: Waiter): void {
    if (!this.#running) {
      this.#running = true;
      void this.#run();
      return;
    }
    const from = this.#reading?.get(stream) ?? Number.POSITIVE_INFINITY;
    if (this.#reading === undefined || from <= numberOf(cursor)) return;
    // The read under way would not hear of this one's entries. Until it is rung out of it, nobody rings again; if that
    // fails, it ends by itself soon enough.
    this.#reading = undefined;
    this.#rings += 1;
    this.#reader.ring(this.#bell, this.#rings).catch(() => {});
  }

  /** Runs while somebody waits. Never rejects. */
  async #run(): Promise<void> {
    while (this.#waiting.size > 0) {
      try {
        const rung = await this.#listen();
        const now = this.#clock.now();
        const due = [...this.#waiting].filter(
          ({ stream, judgedAt }) => rung === undefined || rung.has(stream) || now - judgedAt >= BLOCK_MS,
        );
        for (let i = 0; i < due.length; i += JUDGED_TOGETHER)
          await this.#judge(due.slice(i, i + JUDGED_TOGETHER), rung);
      } catch (thrown) {
        for (const waiter of [...this.#waiting]) waiter.reject(toError(thrown));
      }
      // Whoever was given a page is back by then, most often, and listened for with the rest.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#running = false;
  }

  /** One blocking read; undefined when its time has passed and nothing came. */
  async #listen(): Promise<Rung | undefined> {
    const from = new Map<string, number>();
    for (const { stream, cursor } of this.#waiting) {
      from.set(stream, Math.min(from.get(stream) ?? Number.POSITIVE_INFINITY, numberOf(cursor)));
    }
    this.#reading = from;
    const streams = [...from.keys()];
    const keys = streams.map((stream) => this.#reader.keys.stream(stream));
    const ids = [this.#rings, ...from.values()].map((n) => `${n}-0`);
    const answer = await this.#connection
      .call("XREAD", ["COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", this.#bell, ...keys, ...ids])
      .finally(() => {
        this.#reading = undefined;
      });
    if (!Array.isArray(answer)) return undefined;
    const names = new Map(keys.map((key, i) => [key, streams[i]]));
    const rung = new Map<string, number>();
    for (const [key, [[id]]] of answer) {
      const stream = names.get(String(key));
      if (stream !== undefined) rung.set(stream, Number.parseInt(id, 10));
    }
    return rung;
  }

  async #judge(due: readonly Waiter[], rung: Rung | undefined): Promise<void> {
    const places = due.map(({ stream, cursor }) => ({ stream, position: cursor }));
    const answers = await this.#reader.readAll(places, FOLLOW_PAGE);
    for (const [i, waiter] of due.entries()) {
      try {
        const page = toPage(answers[i], this.#maxStreams);
        waiter.judgedAt = this.#clock.now();
        if (page.type === "gap" || page.entries.length > 0) waiter.resolve(page);
        // It would ring for ever.
        else if ((rung?.get(waiter.stream) ?? 0) > numberOf(waiter.cursor)) {
          waiter.reject(unavailable("a stream holds entries that no journal wrote"));
        }
      } catch (thrown) {
        waiter.reject(toError(thrown));
      }
    }
  }
}
