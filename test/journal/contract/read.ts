import assert from "node:assert/strict";
import { it } from "node:test";
import { isId, numberOf } from "../../../src/protocol/ids.js";
import { appendAll, entriesOf, type Fresh, items, refused } from "./kit.js";

export function readContract(fresh: Fresh): void {
  it("gives an empty stream a cursor that stays valid", async (t) => {
    const { journal } = await fresh(t);
    const base = await journal.head("main");
    assert.equal(numberOf(base), 0);
    assert.ok(isId(base));
    const empty = { type: "entries", after: base, entries: [], head: base };
    assert.deepEqual(await journal.read("main", base, 10), empty);
    assert.deepEqual(await journal.read("main", "oldest", 10), empty);
    assert.deepEqual(await journal.read("main", "now", 10), empty);
    await journal.append("main", items(2));
    const page = await journal.read("main", base, 10);
    assert.ok(page.type === "entries" && page.after === base && page.entries.length === 2);
  });

  it("reads exclusively after a cursor, no more than the limit, up to the head", async (t) => {
    const { journal } = await fresh(t);
    const ids = await appendAll(journal, "main", 5);
    const page = await journal.read("main", ids[0] ?? "now", 2);
    assert.ok(page.type === "entries");
    assert.deepEqual(
      page.entries.map(({ id }) => id),
      ids.slice(1, 3),
    );
    assert.equal(page.after, ids[0]);
    assert.equal(page.head, ids[4]);
    const end = await journal.read("main", ids[4] ?? "now", 2);
    assert.deepEqual(end, { type: "entries", after: ids[4], entries: [], head: ids[4] });
    const now = await journal.read("main", "now", 2);
    assert.deepEqual(now, end);
  });

  it("pages through thousands without a hole", async (t) => {
    const { journal } = await fresh(t);
    const ids = await appendAll(journal, "main", 3_000);
    assert.deepEqual(
      (await entriesOf(journal, "main", 700)).map(({ id }) => id),
      ids,
    );
  });

  it("ends a page early when its items are large, and misses none", async (t) => {
    const { journal } = await fresh(t);
    const publications = items(8).map((one) => ({ ...one, data: `"${"x".repeat(400_000)}"` }));
    const ids = (await journal.append("main", publications)).map(({ id }) => id);
    const page = await journal.read("main", "oldest", 8);
    assert.ok(page.type === "entries" && page.entries.length === 3);
    assert.deepEqual(
      (await entriesOf(journal, "main")).map(({ id }) => id),
      ids,
    );
  });

  it("tells `replaced` for another tag, a number beyond the head, and another base", async (t) => {
    const { journal } = await fresh(t);
    const ids = await appendAll(journal, "main", 3);
    const head = ids[2];
    for (const after of ["2-zzzzzzzz", "3-zzzzzzzz", "4-zzzzzzzz", "999999999999999-zzzzzzzz", "0-zzzzzzzz"] as const) {
      const gap = { type: "gap", after, cursor: head, reason: "replaced", head };
      assert.deepEqual(await journal.read("main", after, 10), gap, after);
    }
  });

  it("tells `replaced` to the cursors of another journal", async (t) => {
    const [old, fresher] = [await fresh(t), await fresh(t)];
    const base = await old.journal.head("main");
    const cursors = [base, ...(await appendAll(old.journal, "main", 5))];
    const ids = await appendAll(fresher.journal, "main", 3);
    for (const after of cursors) {
      const page = await fresher.journal.read("main", after, 10);
      assert.deepEqual(page, { type: "gap", after, cursor: ids[2], reason: "replaced", head: ids[2] }, after);
    }
  });

  it("tells `replaced` when the store is emptied under it", async (t) => {
    const { journal, empty } = await fresh(t);
    if (empty === undefined) return t.skip("this store cannot be emptied from outside");
    const ids = await appendAll(journal, "main", 3);
    await empty();
    const page = await journal.read("main", ids[2] ?? "now", 10);
    assert.ok(page.type === "gap" && page.reason === "replaced" && numberOf(page.cursor) === 0);
    assert.equal(page.cursor, await journal.head("main"));
  });

  it("refuses what is no position, no limit and no stream's name", async (t) => {
    const { journal } = await fresh(t);
    for (const id of ["1-short", "1.5-zzzzzzzz", "1-ZZZZZZZZ"] as const) {
      await assert.rejects(journal.read("main", id, 1), refused("invalid_request"), id);
    }
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      await assert.rejects(journal.read("main", "now", limit), refused("invalid_request"), `${limit}`);
    }
    for (const name of ["", "-a", "a b", "a/b", "x".repeat(65), "a\n"]) {
      await assert.rejects(journal.head(name), refused("invalid_request"), name);
      await assert.rejects(journal.append(name, items(1)), refused("invalid_request"), name);
      await assert.rejects(journal.read(name, "now", 1), refused("invalid_request"), name);
    }
  });
}
