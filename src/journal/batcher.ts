import type { Appended, Publication } from "./port.js";

/** Data in one transaction, at most, UTF-16 units (a single larger append is one of its own): it is held twice meanwhile. */
const MOST_LENGTH = 4_194_304;

/** One call of `append`, waiting for its transaction. */
export interface Append {
  readonly stream: string;
  readonly publications: readonly Publication[];
}

/** What became of one append: its answers, or why it was refused. Others in the same transaction are not concerned. */
export type Committed = readonly Appended[] | Error;

export interface BatcherOptions {
  /** Transactions under way at a time; a backend that keeps their order may have several. */
  readonly inFlight: number;
  /** Publications in one transaction, at most (a single larger append is one of its own). */
  readonly most: number;
}

interface Waiting extends Append {
  readonly resolve: (answers: readonly Appended[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets those who append at the same time share a transaction (group commit): while one is written the next one gathers,
 * so a transaction grows with the load and waits for nobody when there is none. Appends keep the order they came in.
 */
export class Batcher {
  readonly #commit: (appends: readonly Append[]) => Promise<readonly Committed[]>;
  readonly #options: BatcherOptions;
  #queue: Waiting[] = [];
  #inFlight = 0;
  #scheduled = false;
  #whenIdle: (() => void)[] = [];

  /** `commit` answers in the order of the appends; when it rejects, all of them have failed. */
  constructor(commit: (appends: readonly Append[]) => Promise<readonly Committed[]>, options: BatcherOptions) {
    this.#commit = commit;
    this.#options = options;
  }

  /** Settles with the transaction. A `signal` that aborts before it began takes the append back. */
  append(stream: string, publications: readonly Publication[], signal?: AbortSignal): Promise<readonly Appended[]> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const at = this.#queue.indexOf(waiting);
        if (at < 0) return;
        this.#queue.splice(at, 1);
        reject(signal?.reason);
      };
      const done = () => signal?.removeEventListener("abort", onAbort);
      const waiting: Waiting = {
        stream,
        publications,
        resolve: (answers) => {
          done();
          resolve(answers);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#queue.push(waiting);
      this.#schedule();
    });
  }

  /** Settles when nobody waits any more and no transaction is under way. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#settle();
    });
  }

  /** Refuses whoever still waits for a transaction to begin. */
  refuse(error: Error): void {
    for (const waiting of this.#queue.splice(0)) waiting.reject(error);
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0 || this.#inFlight >= this.#options.inFlight) return;
    this.#scheduled = true;
    // Whoever appends in the same turn of the event loop comes along.
    setImmediate(() => {
      this.#scheduled = false;
      void this.#flush(this.#next());
      this.#settle();
    });
  }

  #settle(): void {
    if (this.#queue.length > 0 || this.#inFlight > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #next(): Waiting[] {
    let count = 0;
    let length = 0;
    const end = this.#queue.findIndex(({ publications }, i) => {
      count += publications.length;
      for (const { data } of publications) length += data.length;
      return i > 0 && (count > this.#options.most || length > MOST_LENGTH);
    });
    return this.#queue.splice(0, end < 0 ? this.#queue.length : end);
  }

  async #flush(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    this.#inFlight += 1;
    this.#schedule();
    try {
      const answers = await this.#commit(batch);
      for (const [i, waiting] of batch.entries()) {
        const answer = answers[i] ?? new Error("the journal's backend gave no answer");
        if (answer instanceof Error) waiting.reject(answer);
        else waiting.resolve(answer);
      }
    } catch (thrown) {
      for (const waiting of batch) waiting.reject(thrown);
    } finally {
      this.#inFlight -= 1;
      this.#schedule();
      this.#settle();
    }
  }
}
