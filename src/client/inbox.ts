import type { Deferred } from "../base/deferred.js";
import { deferred } from "../base/deferred.js";
import type { Id } from "../protocol/ids.js";
import type { GapMessage, ItemMessage } from "../protocol/messages.js";

/** What the application gets to see of the stream, in order; `cursor` only moves where it stands. */
export type Entry = ItemMessage | GapMessage | { readonly type: "cursor"; readonly cursor: Id };

/** What has come and was not taken yet. */
export class Inbox {
  readonly #limit: number;
  readonly #onFlow: (stopped: boolean) => void;
  #stopped = false;
  #coming: Entry[] = [];
  #going: Entry[] = [];
  #at = 0;
  #waiting: Deferred<void> | undefined;
  #end: { readonly error: Error | undefined } | undefined;

  /**
   * @param limit from this many entries on nothing more should come, until half of them are taken.
   * @param onFlow called when that changes.
   */
  constructor(limit: number, onFlow: (stopped: boolean) => void) {
    this.#limit = limit;
    this.#onFlow = onFlow;
  }

  /** The application is behind. */
  get stopped(): boolean {
    return this.#stopped;
  }

  push(entry: Entry): void {
    if (this.#end !== undefined) return;
    this.#coming.push(entry);
    this.#wake();
    if (!this.#stopped && this.#size >= this.#limit) this.#flow(true);
  }

  /** Nothing more comes. After an error what is there is still given out; without one it is dropped. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    if (error === undefined) {
      this.#coming = [];
      this.#going = [];
      this.#at = 0;
    }
    this.#wake();
  }

  /**
   * The next entry; undefined when there is none any more.
   * @throws the error it was ended with
   */
  async take(): Promise<Entry | undefined> {
    for (;;) {
      const entry = this.#shift();
      if (entry !== undefined) {
        if (this.#stopped && this.#size <= this.#limit / 2) this.#flow(false);
        return entry;
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return undefined;
      this.#waiting = deferred();
      await this.#waiting.promise;
    }
  }

  get #size(): number {
    return this.#coming.length + this.#going.length - this.#at;
  }

  #flow(stopped: boolean): void {
    this.#stopped = stopped;
    this.#onFlow(stopped);
  }

  #shift(): Entry | undefined {
    if (this.#at === this.#going.length) {
      this.#going = this.#coming;
      this.#coming = [];
      this.#at = 0;
    }
    const entry = this.#going[this.#at];
    if (entry !== undefined) this.#at += 1;
    return entry;
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
