import { type Deferred, deferred } from "../../src/base/deferred.js";

/** Waits for something to come true about what is watched; fails when that ends before. */
export class Watch {
  #change: Deferred<void> = deferred();
  #ended: (() => string) | undefined;

  /** Something is different: look again. */
  changed(): void {
    const { resolve } = this.#change;
    this.#change = deferred();
    resolve();
  }

  /** Nothing will change any more; `why` is asked when somebody waited in vain. */
  end(why: () => string): void {
    this.#ended ??= why;
    this.changed();
  }

  /** What `look` finds, as soon as it finds something. */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#ended !== undefined) throw new Error(this.#ended());
      await this.#change.promise;
    }
  }
}
