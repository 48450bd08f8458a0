import type { Clock } from "../base/clock.js";
import type { Id, Position } from "../protocol/ids.js";
import { type Append, Batcher, type Committed } from "./batcher.js";
import { checkId, checkLimit, checkPosition, checkStream, endOf, FOLLOW_PAGE } from "./cursor.js";
import { commit, prove, sweep, type Writing } from "./lmdb-commit.js";
import { openFolder } from "./lmdb-folder.js";
import { readPage } from "./lmdb-read.js";
import { decodeStream, streamKey } from "./lmdb-records.js";
import { type Shared, share } from "./lmdb-shared.js";
import type { Appended, Journal, JournalOptions, Page, Publication } from "./port.js";
import { closed } from "./refusals.js";
import { createTags } from "./tags.js";

/** How often streams that nobody appends to are swept, ms; done when somebody calls, so no timer holds the process. */
const SWEEP_MS = 1_000;

/** Publications in one transaction, at most; it is what the others wait for. */
const BATCH = 1_024;

type State = { readonly type: "open" } | { readonly type: "closed"; readonly done: Promise<void> };

/** @throws LastcallError `invalid_settings`, `journal_unavailable` */
export async function openLmdb(url: string, options: JournalOptions, clock: Clock): Promise<Journal> {
  return new LmdbJournal(await share(openFolder(url)), options, clock);
}

/**
 * A journal in a file of this machine (LMDB), durable and shared by all processes that open its folder. Appends of one
 * time share a transaction; `n` is assigned and keys are judged inside it, so that processes need not know each other.
 */
class LmdbJournal implements Journal {
  readonly backend = "lmdb";
  readonly keyTtlMs: number;
  readonly #shared: Shared;
  readonly #options: JournalOptions;
  readonly #clock: Clock;
  readonly #tag = createTags();
  readonly #batcher = new Batcher((appends) => this.#commit(appends), { inFlight: 1, most: BATCH });
  #state: State = { type: "open" };
  #sweepAt: number;
  #sweepFrom: string | undefined;
  #sweeping: Promise<void> | undefined;
  /** Something was committed since the last check. */
  #proven = false;

  constructor(shared: Shared, options: JournalOptions, clock: Clock) {
    this.#shared = shared;
    this.keyTtlMs = options.keyTtlMs;
    this.#options = options;
    this.#clock = clock;
    this.#sweepAt = clock.now() + SWEEP_MS;
  }

  async append(
    stream: string,
    publications: readonly Publication[],
    signal?: AbortSignal,
  ): Promise<readonly Appended[]> {
    signal?.throwIfAborted();
    this.#open();
    checkStream(stream);
    return this.#batcher.append(stream, publications, signal);
  }

  async read(stream: string, position: Position, limit: number, signal?: AbortSignal): Promise<Page> {
    signal?.throwIfAborted();
    checkPosition(position);
    checkLimit(limit);
    return this.#read(stream, position, limit);
  }

  async head(stream: string, signal?: AbortSignal): Promise<Id> {
    signal?.throwIfAborted();
    return (await this.#read(stream, "now", 1)).head;
  }

  async *follow(stream: string, after: Id, signal: AbortSignal): AsyncGenerator<Page, void, undefined> {
    this.#open();
    checkId(after);
    checkStream(stream);
    let cursor = after;
    while (!signal.aborted && this.#state.type === "open") {
      const page = this.#look(stream, cursor, FOLLOW_PAGE);
      if (page === undefined) {
        await this.#batcher.append(stream, []);
        continue;
      }
      const next = endOf(page);
      if (next === undefined) {
        await this.#shared.bell(stream).next(signal);
      } else {
        cursor = next;
        yield page;
      }
    }
  }

  async check(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#open();
    // What was committed since the last check has shown that it can be.
    if (!this.#proven) await this.#shared.databases.write(() => prove(this.#writing()));
    this.#proven = false;
  }

  close(): Promise<void> {
    const state = this.#state;
    if (state.type === "closed") return state.done;
    const done = this.#end();
    this.#state = { type: "closed", done };
    this.#shared.ringAll();
    return done;
  }

  async #end(): Promise<void> {
    await Promise.all([this.#batcher.idle(), this.#sweeping]);
    await this.#shared.release();
  }

  #open(): void {
    if (this.#state.type === "closed") throw closed();
    if (this.#clock.now() < this.#sweepAt) return;
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
  }

  async #read(stream: string, position: Position, limit: number): Promise<Page> {
    checkStream(stream);
    for (;;) {
      this.#open();
      const page = this.#look(stream, position, limit);
      if (page !== undefined) return page;
      await this.#batcher.append(stream, []);
    }
  }

  /** One page; undefined when nobody has named the stream yet. */
  #look(stream: string, position: Position, limit: number): Page | undefined {
    const { databases } = this.#shared;
    return databases.read(() => {
      const value = databases.state.get(streamKey(stream));
      return value && readPage(databases.entries, decodeStream(value), position, limit);
    });
  }

  async #commit(appends: readonly Append[]): Promise<readonly Committed[]> {
    this.#proven = false;
    const answers = await this.#shared.databases.write(() => commit(appends, this.#writing()));
    this.#proven = true;
    const changed = new Set<string>();
    for (const [i, { stream }] of appends.entries()) if (isChanged(answers[i])) changed.add(stream);
    if (changed.size > 0) this.#shared.changed(changed);
    return answers;
  }

  async #sweep(): Promise<void> {
    const { databases } = this.#shared;
    try {
      databases.forgetDead();
      this.#sweepFrom = await databases.write(() => sweep(this.#sweepFrom, this.#writing()));
    } catch {
      // Whoever appends next is told what is wrong.
    } finally {
      this.#sweepAt = this.#clock.now() + SWEEP_MS;
    }
  }

  #writing(): Writing {
    return { databases: this.#shared.databases, options: this.#options, tag: this.#tag, epoch: this.#clock.epoch() };
  }
}

function isChanged(answer: Committed | undefined): boolean {
  if (answer === undefined || answer instanceof Error) return false;
  return answer.some((one) => one.type === "appended" && !one.repeated);
}
