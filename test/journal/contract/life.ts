import assert from "node:assert/strict";
import { it } from "node:test";
import { numberOf } from "../../../src/protocol/ids.js";
import { appendAll, entriesOf, type Fresh, item, items, refused } from "./kit.js";

export function lifeContract(fresh: Fresh): void {
  it("refuses one stream too many, and serves those that stand", async (t) => {
    const { journal } = await fresh(t, { maxStreams: 2 });
    await journal.head("a");
    await journal.append("b", items(1));
    await assert.rejects(journal.append("c", items(1)), refused("too_many_streams"));
    await assert.rejects(journal.read("c", "now", 1), refused("too_many_streams"));
    await assert.rejects(journal.head("c"), refused("too_many_streams"));
    await journal.append("a", items(1));
  });

  it("answers check, and names its backend", async (t) => {
    const { journal } = await fresh(t);
    await journal.check();
    assert.match(journal.backend, /^[a-z]+$/);
  });

  it("is unavailable once closed, and closes twice", async (t) => {
    const { journal } = await fresh(t);
    const head = await journal.head("main");
    await journal.close();
    await journal.close();
    const follower = journal.follow("main", head, new AbortController().signal)[Symbol.asyncIterator]();
    const calls: (() => Promise<unknown>)[] = [
      () => journal.append("main", items(1)),
      () => journal.read("main", "now", 1),
      () => journal.head("main"),
      () => journal.check(),
      () => follower.next(),
    ];
    for (const call of calls) await assert.rejects(call, refused("journal_unavailable"));
  });

  it("is one store through two handles", async (t) => {
    const store = await fresh(t);
    if (store.again === undefined) return t.skip("this store has one handle");
    const other = await store.again();
    t.after(() => other.close());
    const [first] = await store.journal.append("main", [item({ key: "k" })]);
    assert.deepEqual(await other.append("main", [item({ key: "k" })]), [
      { type: "appended", id: first?.id, repeated: true },
    ]);
    const both = await Promise.all([
      appendAll(store.journal, "main", 100, 10, 1),
      appendAll(other, "main", 100, 10, 101),
    ]);
    const seen = (await entriesOf(store.journal, "main")).map(({ id }) => id);
    assert.deepEqual(
      seen.map(numberOf),
      Array.from({ length: 201 }, (_, i) => i + 1),
    );
    assert.deepEqual(new Set(seen), new Set([first?.id, ...both.flat()]));
    assert.deepEqual(await entriesOf(other, "main"), await entriesOf(store.journal, "main"));
    await store.journal.close();
    await other.check();
  });
}
