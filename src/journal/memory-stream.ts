import { type Id, makeId, numberOf, type Position } from "../protocol/ids.js";
import { Bell } from "./bell.js";
import { judgeCursor } from "./cursor.js";
import { Entries } from "./entries.js";
import { KeyTable } from "./keys.js";
import type { Appended, JournalOptions, Page, Publication } from "./port.js";

/** One moment on both scales of the clock, ms: `now` only for differences, `epoch` since the Unix epoch. */
export interface Moment {
  readonly now: number;
  readonly epoch: number;
}

/** One stream of the memory journal. Nothing here waits, so every call is one transaction. */
export class MemoryStream {
  /** Rings when entries were appended, and when the journal closes. */
  readonly bell = new Bell();
  readonly #options: JournalOptions;
  readonly #tag: () => string;
  readonly #keys: KeyTable;
  readonly #entries = new Entries();
  #base: Id;
  #head: Id;

  constructor(options: JournalOptions, tag: () => string) {
    this.#options = options;
    this.#tag = tag;
    this.#keys = new KeyTable(2 * options.keyTtlMs);
    this.#base = makeId(0, tag());
    this.#head = this.#base;
  }

  get head(): Id {
    return this.#head;
  }

  append(publications: readonly Publication[], { now, epoch }: Moment): Appended[] {
    this.#keys.prepare(publications.length, now);
    const headBefore = this.#head;
    const answers: Appended[] = [];
    for (const publication of publications) {
      const verdict = this.#keys.judge(publication, now);
      if (verdict.type === "unknown") {
        const id = makeId(this.#entries.last + 1, this.#tag());
        this.#entries.push({ id, at: epoch, data: publication.data });
        this.#keys.learn(publication, id, now);
        this.#head = id;
        answers.push({ type: "appended", id, repeated: false });
      } else if (verdict.type === "same") answers.push({ type: "appended", id: verdict.id, repeated: true });
      else answers.push({ type: "key_reused", id: verdict.id });
    }
    const { retentionItems } = this.#options;
    if (retentionItems > 0) this.#trim(this.#entries.last - retentionItems);
    if (this.#head !== headBefore) this.bell.ring();
    return answers;
  }

  read(position: Position, limit: number): Page {
    const head = this.#head;
    const after = position === "oldest" ? this.#base : position === "now" ? head : position;
    const reason = judgeCursor(after, this.#base, (n) => this.#entries.get(n)?.id);
    if (reason === undefined) {
      return { type: "entries", after, entries: this.#entries.after(numberOf(after), limit), head };
    }
    return { type: "gap", after, cursor: reason === "trimmed" ? this.#base : head, reason, head };
  }

  /** Trims what is too old and forgets expired keys. */
  sweep({ now, epoch }: Moment): void {
    this.#keys.prepare(0, now);
    const { retentionMs } = this.#options;
    if (retentionMs === 0) return;
    let n = this.#entries.dropped;
    for (let next = this.#entries.get(n + 1); next !== undefined; next = this.#entries.get(n + 1)) {
      if (epoch - next.at <= retentionMs) break;
      n += 1;
    }
    this.#trim(n);
  }

  #trim(n: number): void {
    const last = this.#entries.get(n);
    if (n <= this.#entries.dropped || last === undefined) return;
    this.#base = last.id;
    this.#entries.drop(n);
  }
}
