import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { openJournal } from "../../src/journal/open.js";
import { entriesOf } from "./contract/kit.js";
import { handClock } from "./hand-clock.js";
import { temporary } from "./lmdb-kit.js";
import { Model } from "./model.js";

const publication = fc.record({
  publisher: fc.constantFrom("a", "b"),
  key: fc.constantFrom("k1", "k2", "k3", "k4", "k5", "long".repeat(100)),
  data: fc.constantFrom("1", "2", `"${"x".repeat(3_000)}"`),
});
/** A batch, after a while, by one of two handles; the store may have been closed and opened again before. */
const step = fc.record({
  waitMs: fc.constantFrom(0, 1, 100, 249, 250, 499, 500, 501, 1_000, 3_000),
  reopened: fc.boolean(),
  publications: fc.array(publication, { maxLength: 8 }),
});
const limits = fc.record({
  retentionItems: fc.constantFrom(0, 1, 5, 1_000),
  retentionMs: fc.constantFrom(0, 500, 3_000),
  keyTtlMs: fc.constantFrom(125, 250, 1_750),
});

it("appends, knows keys and trims as arrays would", { timeout: 120_000 }, async (t) => {
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 25 }), async (limits, steps) => {
      const folder = temporary(t);
      const clock = handClock();
      let journal = await openJournal(`lmdb:${folder}`, limits, clock);
      const model = new Model(limits, await journal.head("main"));
      for (const { waitMs, reopened, publications } of steps) {
        clock.advance(waitMs);
        if (reopened) {
          await journal.close();
          journal = await openJournal(`lmdb:${folder}`, limits, clock);
        }
        model.sweep(clock.epoch());
        const answered = await journal.append("main", publications);
        assert.deepEqual(answered, model.append(publications, answered, clock.now(), clock.epoch()));
        assert.equal(await journal.head("main"), model.head);
        assert.deepEqual(await journal.read("main", "oldest", 1), model.read("oldest", 1));
        assert.deepEqual(await entriesOf(journal, "main"), model.all.slice(model.trimmed));
      }
      await journal.close();
    }),
    { numRuns: 40 },
  );
});
