import { numberOf } from "../protocol/ids.js";
import type { Entry, Mark, Published, RunRecord } from "./record.js";

/** What one publisher published, by its own numbers. */
export interface Line {
  readonly publisher: string;
  /** Its place among the publishers. */
  readonly index: number;
  readonly items: (Published | undefined)[];
  /** Where the journal has them: once, if all is well. */
  readonly entries: (readonly Entry[] | undefined)[];
}

/** What was published and where the journal has it: what everybody is measured against. */
export class Truth {
  readonly lines: readonly Line[];
  readonly journal: readonly Entry[] | undefined;
  readonly sentinels: readonly Mark[];
  readonly #byPublisher = new Map<string, Line>();

  constructor(run: RunRecord) {
    for (const published of run.published) this.#line(published.publisher).items[published.n] = published;
    for (const entry of run.journal ?? []) {
      const line = entry.mark && this.#byPublisher.get(entry.mark.publisher);
      if (line && entry.mark) line.entries[entry.mark.n] = [...(line.entries[entry.mark.n] ?? []), entry];
    }
    this.lines = [...this.#byPublisher.values()];
    this.journal = run.journal;
    this.sentinels = run.sentinels;
  }

  line(publisher: string): Line | undefined {
    return this.#byPublisher.get(publisher);
  }

  published(mark: Mark): Published | undefined {
    return this.#byPublisher.get(mark.publisher)?.items[mark.n];
  }

  /** Where the journal has it. */
  copies(mark: Mark): readonly Entry[] {
    return this.#byPublisher.get(mark.publisher)?.entries[mark.n] ?? [];
  }

  /** The number that an item has in the stream, as far as the journal or its ack tell. */
  number(mark: Mark): number | undefined {
    const outcome = this.published(mark)?.outcome;
    const id = this.copies(mark)[0]?.id ?? (outcome?.type === "acked" ? outcome.id : undefined);
    return id && numberOf(id);
  }

  #line(publisher: string): Line {
    const known = this.#byPublisher.get(publisher);
    if (known !== undefined) return known;
    const line: Line = { publisher, index: this.#byPublisher.size, items: [], entries: [] };
    this.#byPublisher.set(publisher, line);
    return line;
  }
}

/** An item, for people: `publisher p1, item 204 (205-k3j2h1aa)`. */
export function nameOf(mark: Mark | undefined, id: string | undefined): string {
  if (mark === undefined) return id ?? "an item without a mark";
  return `publisher ${mark.publisher}, item ${mark.n}${id === undefined ? "" : ` (${id})`}`;
}
