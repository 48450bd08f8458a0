import assert from "node:assert/strict";
import { it } from "node:test";
import { isId, numberOf } from "../../../src/protocol/ids.js";
import { entriesOf, type Fresh, item, items } from "./kit.js";

export function appendContract(fresh: Fresh): void {
  it("numbers densely from 1, in the order given, and gives every entry its own tag", async (t) => {
    const { journal } = await fresh(t);
    const first = await journal.append("main", items(3));
    const second = await journal.append("main", items(2, 3));
    const answers = [...first, ...second];
    assert.deepEqual(
      answers.map(({ id }) => numberOf(id)),
      [1, 2, 3, 4, 5],
    );
    assert.ok(answers.every((a) => a.type === "appended" && !a.repeated && isId(a.id)));
    assert.equal(new Set(answers.map(({ id }) => id.split("-")[1])).size, 5);
    assert.equal(await journal.head("main"), answers[4]?.id);
  });

  it("keeps each batch together when many are appended at once", async (t) => {
    const { journal } = await fresh(t);
    const batches = Array.from({ length: 20 }, (_, b) => items(10, b * 10));
    const answers = await Promise.all(batches.map((batch) => journal.append("main", batch)));
    for (const batch of answers) {
      const first = numberOf(batch[0]?.id ?? "0-");
      assert.deepEqual(
        batch.map(({ id }) => numberOf(id)),
        Array.from({ length: 10 }, (_, i) => first + i),
      );
    }
    const entries = await entriesOf(journal, "main");
    assert.deepEqual(
      entries.map(({ id }) => numberOf(id)),
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    assert.deepEqual(
      new Map(entries.map(({ id, data }) => [id, data])),
      new Map(batches.flatMap((batch, b) => batch.map(({ data }, i) => [answers[b]?.[i]?.id, data] as const))),
    );
  });

  it("keeps the data byte for byte", async (t) => {
    const { journal } = await fresh(t);
    const texts = [
      '{ "b" : 1,\t"a":2.50 }',
      '"\\u0000 \\ud83d\\ude00 é 😀 \u2028"',
      "null",
      `"${"x".repeat(65_536)}"`,
      "1e400",
      '""',
    ];
    await journal.append(
      "main",
      texts.map((data, i) => item({ key: `k${i}`, data })),
    );
    assert.deepEqual(
      (await entriesOf(journal, "main")).map(({ data }) => data),
      texts,
    );
  });

  it("stamps entries with the time of their append, in ms since 1970", async (t) => {
    const { journal, advance } = await fresh(t);
    await journal.append("main", items(1));
    await advance?.(1_234);
    await journal.append("main", items(1, 1));
    const [first, second] = await entriesOf(journal, "main");
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(Number.isSafeInteger(first.at) && first.at > Date.UTC(2020) && first.at < Date.UTC(2200));
    if (advance === undefined) assert.ok(second.at >= first.at);
    else assert.equal(second.at - first.at, 1_234);
  });

  it("gives each stream its own order", async (t) => {
    const { journal } = await fresh(t);
    await journal.append("a", items(3));
    const [b] = await journal.append("b.2_x-y", items(1));
    assert.equal(numberOf(b?.id ?? "0-"), 1);
    assert.equal((await entriesOf(journal, "a")).length, 3);
  });

  it("takes an empty batch", async (t) => {
    const { journal } = await fresh(t);
    assert.deepEqual(await journal.append("main", []), []);
    assert.equal(numberOf(await journal.head("main")), 0);
  });

  it("appends nothing for an aborted signal", async (t) => {
    const { journal } = await fresh(t);
    await assert.rejects(journal.append("main", items(1), AbortSignal.abort()), { name: "AbortError" });
    assert.equal(numberOf(await journal.head("main")), 0);
  });
}
