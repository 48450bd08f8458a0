import assert from "node:assert/strict";
import { it } from "node:test";
import { entriesOf, type Fresh, item, items } from "./kit.js";

export function keyContract(fresh: Fresh): void {
  it("gives the first one's id to the same key and data, across batches and inside one", async (t) => {
    const { journal } = await fresh(t);
    const one = item({ key: "k", data: "1" });
    const [first, twin] = await journal.append("main", [one, one]);
    const [later] = await journal.append("main", [one]);
    assert.ok(first?.type === "appended" && !first.repeated);
    assert.deepEqual(twin, { type: "appended", id: first.id, repeated: true });
    assert.deepEqual(later, twin);
    assert.equal((await entriesOf(journal, "main")).length, 1);
  });

  it("refuses the same key with other data, alone: the rest of the batch is appended", async (t) => {
    const { journal } = await fresh(t);
    const answers = await journal.append("main", [
      item({ key: "k", data: "1" }),
      item({ key: "k", data: "1 " }),
      item({ key: "l", data: "2" }),
    ]);
    assert.deepEqual(
      answers.map(({ type }) => type),
      ["appended", "key_reused", "appended"],
    );
    assert.equal(answers[1]?.id, answers[0]?.id);
    assert.deepEqual(
      (await entriesOf(journal, "main")).map(({ data }) => data),
      ["1", "2"],
    );
  });

  it("tells large data apart by its last character", async (t) => {
    const { journal } = await fresh(t);
    const large = "x".repeat(50_000);
    const [first] = await journal.append("main", [item({ key: "k", data: `"${large}a"` })]);
    const [same, other] = await journal.append("main", [
      item({ key: "k", data: `"${large}a"` }),
      item({ key: "k", data: `"${large}b"` }),
    ]);
    assert.deepEqual(same, { type: "appended", id: first?.id, repeated: true });
    assert.deepEqual(other, { type: "key_reused", id: first?.id });
  });

  it("knows a key in its own stream and from its own publisher only", async (t) => {
    const { journal } = await fresh(t);
    const pairs = [
      ["a:b", "c"],
      ["a", "b:c"],
      ["a", ""],
      ["", "a"],
      ["1", "1a"],
      ["11", "a"],
      ["a\0", "b"],
      ["a", "\0b"],
      ["é", "__proto__"],
    ];
    const publications = pairs.map(([publisher = "", key = ""]) => item({ publisher, key, data: "1" }));
    for (const stream of ["a", "b"]) {
      const answers = await journal.append(stream, publications);
      assert.ok(
        answers.every((a) => a.type === "appended" && !a.repeated),
        stream,
      );
    }
  });

  it("appends once when one key comes twice at the same time", async (t) => {
    const { journal } = await fresh(t);
    const answers = (
      await Promise.all(Array.from({ length: 10 }, () => journal.append("main", [item({ key: "k" })])))
    ).flat();
    assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
    assert.equal(answers.filter((a) => a.type === "appended" && !a.repeated).length, 1);
  });

  it("knows a key after its entry was trimmed", async (t) => {
    const { journal } = await fresh(t, { retentionItems: 2 });
    const [first] = await journal.append("main", [item({ key: "k" })]);
    await journal.append("main", items(10));
    const [again] = await journal.append("main", [item({ key: "k" })]);
    assert.deepEqual(again, { type: "appended", id: first?.id, repeated: true });
  });

  it("knows a key for 2 x keyTtlMs after its first use, and no longer", async (t) => {
    const { journal, advance } = await fresh(t, { keyTtlMs: 5_000 });
    if (advance === undefined) return t.skip("needs a clock that can be turned");
    const one = item({ key: "k" });
    const [first] = await journal.append("main", [one]);
    await advance(9_900);
    const [second] = await journal.append("main", [one]);
    assert.deepEqual(second, { type: "appended", id: first?.id, repeated: true });
    await advance(200);
    const [third] = await journal.append("main", [item({ key: "k", data: '"other"' })]);
    assert.ok(third?.type === "appended" && !third.repeated && third.id !== first?.id);
    const [fourth] = await journal.append("main", [one]);
    assert.deepEqual(fourth, { type: "key_reused", id: third.id });
  });
}
