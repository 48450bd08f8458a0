import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type ErrorCode, LastcallError } from "../../../src/base/errors.js";
import type { Entry, Journal, JournalOptions, Publication } from "../../../src/journal/port.js";
import type { Id } from "../../../src/protocol/ids.js";

/** A store made for one test, with what can be done to it from outside. */
export interface Store {
  readonly journal: Journal;
  /** Opens another handle on the same store; absent where a store has one handle. */
  readonly again?: () => Promise<Journal>;
  /** Turns the journal's clock on; absent where its clock is the machine's. */
  readonly advance?: (ms: number) => Promise<void> | void;
  /** Removes everything behind the journal's back, as FLUSHALL does; absent where nobody can. */
  readonly empty?: () => Promise<void>;
  /** Removes the store itself, after its journals were closed. */
  readonly remove?: () => Promise<void>;
}

export type OpenStore = (options: Partial<JournalOptions>) => Promise<Store>;

/** Makes a store for the test that asks, and closes it when that test ends. */
export type Fresh = (t: TestContext, options?: Partial<JournalOptions>) => Promise<Store>;

export function fresh(open: OpenStore): Fresh {
  return async (t, options = {}) => {
    const store = await open(options);
    t.after(async () => {
      await store.journal.close();
      await store.remove?.();
    });
    return store;
  };
}

export function item(part: Partial<Publication>): Publication {
  return { publisher: "anonymous", key: "key", data: "1", ...part };
}

/** `count` publications, each with its own key and data, numbered from `first`. */
export function items(count: number, first = 0): Publication[] {
  return Array.from({ length: count }, (_, i) => item({ key: `key-${first + i}`, data: `{"item":${first + i}}` }));
}

/** Appends `count` items in batches, and gives their ids. */
export async function appendAll(
  journal: Journal,
  stream: string,
  count: number,
  batch = 500,
  first = 0,
): Promise<Id[]> {
  const ids: Id[] = [];
  for (let done = 0; done < count; done += batch) {
    const answers = await journal.append(stream, items(Math.min(batch, count - done), first + done));
    ids.push(...answers.map(({ id }) => id));
  }
  return ids;
}

/** All entries from the oldest on, read in pages of `limit`. */
export async function entriesOf(journal: Journal, stream: string, limit = 1_000): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let page = await journal.read(stream, "oldest", limit); ; ) {
    assert.ok(page.type === "entries", "nothing is trimmed while it is read");
    assert.ok(page.entries.length <= limit);
    const last = page.entries.at(-1);
    if (last === undefined) return all;
    all.push(...page.entries);
    page = await journal.read(stream, last.id, limit);
  }
}

/** The id at `index` of a list that has one there. */
export function nth(ids: readonly Id[], index: number): Id {
  const id = ids.at(index);
  assert.ok(id !== undefined);
  return id;
}

export function refused(code: ErrorCode): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof LastcallError, String(thrown));
    assert.equal(thrown.code, code);
    return true;
  };
}
