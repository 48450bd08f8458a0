import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { FOLLOW_PAGE } from "../../../src/journal/cursor.js";
import type { Entry, Journal, Page } from "../../../src/journal/port.js";
import type { Id } from "../../../src/protocol/ids.js";
import { appendAll, entriesOf, type Fresh, items, nth, refused } from "./kit.js";

/** A follower of stream `main` that is ended with its test. */
export function followed(t: TestContext, journal: Journal, after: Id) {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const pages = journal.follow("main", after, abort.signal)[Symbol.asyncIterator]();
  let cursor = after;
  const next = async (): Promise<Page | undefined> => {
    const { value, done } = await pages.next();
    if (done) return undefined;
    const page: Page = value;
    assert.equal(page.after, cursor, "a page goes on where the one before it ended");
    if (page.type === "entries") {
      assert.ok(page.entries.length > 0, "only pages that hold entries or tell a gap");
      assert.ok(page.entries.length <= FOLLOW_PAGE, "pages are bounded");
    }
    cursor =
      page.type === "gap"
        ? page.cursor
        : nth(
            page.entries.map(({ id }) => id),
            -1,
          );
    return page;
  };
  /** The next `count` entries, with no gap among them. */
  const take = async (count: number): Promise<Entry[]> => {
    const entries: Entry[] = [];
    while (entries.length < count) {
      const page = await next();
      assert.equal(page?.type, "entries");
      if (page?.type === "entries") entries.push(...page.entries);
    }
    assert.equal(entries.length, count);
    return entries;
  };
  return { abort, next, take };
}

export function followContract(fresh: Fresh): void {
  it("gives what stands after the cursor, then what comes", async (t) => {
    const { journal } = await fresh(t);
    const ids = await appendAll(journal, "main", 5);
    const follower = followed(t, journal, nth(ids, 1));
    const stood = await follower.take(3);
    const pending = follower.take(2);
    const came = await appendAll(journal, "main", 2, 2, 5);
    assert.deepEqual([...stood, ...(await pending)], (await entriesOf(journal, "main")).slice(2));
    assert.equal(await journal.head("main"), came[1]);
  });

  it("waits at the head of an empty stream, for its own stream only", async (t) => {
    const { journal } = await fresh(t);
    const follower = followed(t, journal, await journal.head("main"));
    const pending = follower.next();
    await journal.append("other", items(3));
    const [first] = await journal.append("main", items(1));
    const page = await pending;
    assert.ok(page?.type === "entries");
    assert.deepEqual(
      page.entries.map(({ id }) => id),
      [first?.id],
    );
    assert.equal(page.head, first?.id);
  });

  it("cuts a burst into pages", async (t) => {
    const { journal } = await fresh(t);
    const follower = followed(t, journal, await journal.head("main"));
    const pending = follower.take(3 * FOLLOW_PAGE + 1);
    await journal.append("main", items(3 * FOLLOW_PAGE + 1));
    assert.deepEqual(await pending, await entriesOf(journal, "main"));
  });

  it("serves several followers, each from its own place", async (t) => {
    const { journal } = await fresh(t);
    const base = await journal.head("main");
    const ids = await appendAll(journal, "main", 10);
    const counts = [30, 25, 20];
    const pending = [base, nth(ids, 4), nth(ids, 9)].map((after, i) =>
      followed(t, journal, after).take(counts[i] ?? 0),
    );
    await appendAll(journal, "main", 20, 3, 10);
    const all = await entriesOf(journal, "main");
    for (const [i, entries] of (await Promise.all(pending)).entries())
      assert.deepEqual(entries, all.slice(-(counts[i] ?? 0)));
  });

  it("wakes every follower that waits", async (t) => {
    const { journal } = await fresh(t);
    const head = await journal.head("main");
    const pending = [1, 2, 3].map(() => followed(t, journal, head).take(1));
    const [first] = await journal.append("main", items(1));
    for (const entries of await Promise.all(pending)) assert.equal(entries[0]?.id, first?.id);
  });

  it("loses nothing to appends that race with it", async (t) => {
    const { journal } = await fresh(t);
    const pending = followed(t, journal, await journal.head("main")).take(1_000);
    await Promise.all(Array.from({ length: 100 }, (_, b) => journal.append("main", items(10, b * 10))));
    assert.deepEqual(await pending, await entriesOf(journal, "main"));
  });

  it("says nothing when only known keys were appended", async (t) => {
    const { journal } = await fresh(t);
    const [first] = await appendAll(journal, "main", 1);
    const pending = followed(t, journal, first ?? "0-").next();
    await journal.append("main", items(1));
    const [second] = await journal.append("main", items(1, 1));
    const page = await pending;
    assert.ok(page?.type === "entries");
    assert.deepEqual(
      page.entries.map(({ id }) => id),
      [second?.id],
    );
  });

  it("ends when its signal aborts: before it began, while it waits, and between pages", async (t) => {
    const { journal } = await fresh(t);
    const base = await journal.head("main");
    await appendAll(journal, "main", 1);
    const never = followed(t, journal, base);
    never.abort.abort();
    assert.equal(await never.next(), undefined);
    const waiting = followed(t, journal, await journal.head("main"));
    const other = followed(t, journal, await journal.head("main"));
    const [end, goesOn] = [waiting.next(), other.next()];
    waiting.abort.abort();
    assert.equal(await end, undefined);
    await appendAll(journal, "main", 1, 1, 1);
    assert.equal((await goesOn)?.type, "entries");
    await appendAll(journal, "main", 1, 1, 2);
    other.abort.abort();
    assert.equal(await other.next(), undefined);
  });

  it("ends when the journal closes", async (t) => {
    const { journal } = await fresh(t);
    const base = await journal.head("main");
    await appendAll(journal, "main", 1);
    const [waiting, between] = [followed(t, journal, await journal.head("main")), followed(t, journal, base)];
    await between.take(1);
    const end = waiting.next();
    await journal.close();
    assert.equal(await end, undefined);
    assert.equal(await between.next(), undefined);
  });

  it("can be left in the middle", async (t) => {
    const { journal } = await fresh(t);
    const base = await journal.head("main");
    await appendAll(journal, "main", 2 * FOLLOW_PAGE);
    for await (const page of journal.follow("main", base, new AbortController().signal)) {
      assert.equal(page.type, "entries");
      break;
    }
    await appendAll(journal, "main", 1, 1, 5_000);
  });

  it("refuses what is no id and no stream's name", async (t) => {
    const { journal } = await fresh(t);
    const { signal } = new AbortController();
    const head = await journal.head("main");
    for (const pages of [journal.follow("main", "1-short", signal), journal.follow("a b", head, signal)]) {
      await assert.rejects(pages[Symbol.asyncIterator]().next(), refused("invalid_request"));
    }
  });

  it("shows two handles of one store the same entries", async (t) => {
    const { journal, again } = await fresh(t);
    if (again === undefined) return t.skip("this store has one handle");
    const other = await again();
    t.after(() => other.close());
    const base = await journal.head("main");
    const pending = [journal, other].map((handle) => followed(t, handle, base).take(100));
    await Promise.all([appendAll(journal, "main", 50, 7), appendAll(other, "main", 50, 7, 50)]);
    const all = await entriesOf(journal, "main");
    for (const entries of await Promise.all(pending)) assert.deepEqual(entries, all);
  });
}
