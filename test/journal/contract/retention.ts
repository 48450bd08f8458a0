import assert from "node:assert/strict";
import { it } from "node:test";
import { numberOf } from "../../../src/protocol/ids.js";
import { appendAll, entriesOf, type Fresh, items } from "./kit.js";

export function retentionContract(fresh: Fresh): void {
  it("keeps the newest retentionItems entries, and the last trimmed one's id as a cursor", async (t) => {
    const { journal } = await fresh(t, { retentionItems: 100 });
    const base = await journal.head("main");
    const ids = await appendAll(journal, "main", 2_550, 170);
    assert.deepEqual(
      (await entriesOf(journal, "main")).map(({ id }) => id),
      ids.slice(-100),
    );
    const trimBase = ids.at(-101) ?? "now";
    const oldest = await journal.read("main", "oldest", 1);
    assert.equal(oldest.after, trimBase);
    assert.deepEqual(await journal.read("main", trimBase, 1), oldest);
    const head = ids.at(-1);
    for (const after of [base, ids[0] ?? base, ids.at(-102) ?? base, "7-zzzzzzzz"] as const) {
      const gap = { type: "gap", after, cursor: trimBase, reason: "trimmed", head };
      assert.deepEqual(await journal.read("main", after, 10), gap, after);
    }
    const impostor = `${numberOf(ids.at(-101) ?? base)}-zzzzzzzz` as const;
    const replaced = { type: "gap", after: impostor, cursor: head, reason: "replaced", head };
    assert.deepEqual(await journal.read("main", impostor, 10), replaced);
  });

  it("keeps all with retentionItems 0", async (t) => {
    const { journal } = await fresh(t, { retentionItems: 0 });
    await appendAll(journal, "main", 2_500);
    assert.equal((await entriesOf(journal, "main")).length, 2_500);
  });

  it("trims by age, and goes on counting after all were trimmed", async (t) => {
    const { journal, advance } = await fresh(t, { retentionMs: 60_000 });
    if (advance === undefined) return t.skip("needs a clock that can be turned");
    const ids = await appendAll(journal, "main", 3);
    await advance(50_000);
    const young = await appendAll(journal, "main", 2, 2, 3);
    assert.equal((await entriesOf(journal, "main")).length, 5);
    await advance(50_000);
    await journal.append("main", items(1, 5));
    const left = await entriesOf(journal, "main");
    assert.deepEqual(
      left.map(({ id }) => id),
      [...young, await journal.head("main")],
    );
    assert.equal((await journal.read("main", "oldest", 1)).after, ids[2]);
    await advance(200_000);
    await journal.append("other", items(1));
    const head = await journal.head("main");
    const emptied = await journal.read("main", head, 1);
    assert.ok(emptied.type === "entries" && emptied.entries.length === 0);
    const [next] = await journal.append("main", items(1, 6));
    assert.equal(numberOf(next?.id ?? head), 7);
  });

  it("keeps all ages with retentionMs 0", async (t) => {
    const { journal, advance } = await fresh(t, { retentionMs: 0 });
    if (advance === undefined) return t.skip("needs a clock that can be turned");
    await appendAll(journal, "main", 3);
    await advance(1e12);
    await journal.append("main", items(1, 3));
    assert.equal((await entriesOf(journal, "main")).length, 4);
  });
}
