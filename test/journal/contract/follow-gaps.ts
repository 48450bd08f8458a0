import assert from "node:assert/strict";
import { it } from "node:test";
import { numberOf } from "../../../src/protocol/ids.js";
import { followed } from "./follow.js";
import { appendAll, type Fresh, items, nth } from "./kit.js";

export function followGapContract(fresh: Fresh): void {
  it("tells `replaced` first, and goes on at the head", async (t) => {
    const { journal } = await fresh(t);
    const ids = await appendAll(journal, "main", 3);
    for (const after of ["2-zzzzzzzz", "77-zzzzzzzz", "0-zzzzzzzz"] as const) {
      const follower = followed(t, journal, after);
      const head = nth(ids, -1);
      assert.deepEqual(await follower.next(), { type: "gap", after, cursor: head, reason: "replaced", head });
      const pending = follower.take(1);
      ids.push(...(await appendAll(journal, "main", 1, 1, ids.length)));
      assert.equal((await pending)[0]?.id, nth(ids, -1));
    }
  });

  it("tells `trimmed` to a follower that was overtaken, and goes on after the trim base", async (t) => {
    const { journal } = await fresh(t, { retentionItems: 10 });
    const follower = followed(t, journal, await journal.head("main"));
    const ids = await appendAll(journal, "main", 5);
    await follower.take(5);
    ids.push(...(await appendAll(journal, "main", 95, 5, 5)));
    const gap = { type: "gap", after: nth(ids, 4), cursor: nth(ids, 89), reason: "trimmed", head: nth(ids, 99) };
    assert.deepEqual(await follower.next(), gap);
    assert.deepEqual(
      (await follower.take(10)).map(({ id }) => id),
      ids.slice(90),
    );
  });

  it("tells a batch larger than the retention as a gap, also to a follower that waited", async (t) => {
    const { journal } = await fresh(t, { retentionItems: 10 });
    const base = await journal.head("main");
    const follower = followed(t, journal, base);
    const pending = follower.next();
    const answers = await journal.append("main", items(30));
    const ids = answers.map(({ id }) => id);
    const gap = { type: "gap", after: base, cursor: nth(ids, 19), reason: "trimmed", head: nth(ids, 29) };
    assert.deepEqual(await pending, gap);
    assert.deepEqual(
      (await follower.take(10)).map(({ id }) => id),
      ids.slice(20),
    );
  });

  it("goes on at the head, without a gap, when all it had seen was trimmed by age", async (t) => {
    const { journal, advance } = await fresh(t, { retentionMs: 60_000 });
    if (advance === undefined) return t.skip("needs a clock that can be turned");
    const follower = followed(t, journal, await journal.head("main"));
    await appendAll(journal, "main", 3);
    await follower.take(3);
    const pending = follower.take(1);
    await advance(200_000);
    const [next] = await appendAll(journal, "main", 1, 1, 3);
    assert.equal((await pending)[0]?.id, next);
  });

  it("tells a follower that the store was emptied, though it was never disconnected", async (t) => {
    const { journal, empty } = await fresh(t);
    if (empty === undefined) return t.skip("this store cannot be emptied from outside");
    const follower = followed(t, journal, await journal.head("main"));
    await appendAll(journal, "main", 3);
    await follower.take(3);
    const pending = follower.next();
    await empty();
    const gap = await pending;
    assert.ok(gap?.type === "gap" && gap.reason === "replaced" && numberOf(gap.cursor) === 0);
    const next = follower.take(5);
    const ids = await appendAll(journal, "main", 5, 5, 10);
    assert.deepEqual(
      (await next).map(({ id }) => id),
      ids,
    );
  });
}
