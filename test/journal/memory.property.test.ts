import assert from "node:assert/strict";
import { it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { FOLLOW_PAGE } from "../../src/journal/cursor.js";
import { openJournal } from "../../src/journal/open.js";
import type { Journal, Page, Publication } from "../../src/journal/port.js";
import type { Id, Position } from "../../src/protocol/ids.js";
import { type HandClock, handClock } from "./hand-clock.js";
import { Model } from "./model.js";

/** The memory journal looks for old entries at most once in this time, ms; so the clock is turned in steps of it. */
const STEP_MS = 1_000;

type Step =
  | { readonly type: "append"; readonly publications: readonly Publication[] }
  | { readonly type: "burst"; readonly count: number }
  | { readonly type: "advance"; readonly steps: number }
  | { readonly type: "read"; readonly at: Place; readonly limit: number }
  | { readonly type: "pull"; readonly follower: number };

/** A position, relative to the stream as it is when the step is taken: `back` entries before the head, or none of them. */
type Place = "oldest" | "now" | { readonly back: number; readonly forged: boolean };

const publication = fc.record({
  publisher: fc.constantFrom("a", "b"),
  key: fc.constantFrom("k1", "k2", "k3", "k4", "k5"),
  data: fc.constantFrom("1", "2"),
});
const place: fc.Arbitrary<Place> = fc.oneof(
  fc.constantFrom<Place>("oldest", "now"),
  fc.record({ back: fc.integer({ min: -2, max: 30 }), forged: fc.boolean() }),
  fc.record({ back: fc.integer({ min: 0, max: 5_000 }), forged: fc.boolean() }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("append"), publications: fc.array(publication, { maxLength: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("burst"), count: fc.integer({ min: 1, max: 1_500 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("advance"), steps: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("read"), at: place, limit: fc.integer({ min: 1, max: 1_200 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("pull"), follower: fc.integer({ min: 0, max: 2 }) }) },
);
const limits = fc.record({
  retentionItems: fc.constantFrom(0, 1, 5, 1_000, 1_024),
  retentionMs: fc.constantFrom(0, 500, 3_000),
  keyTtlMs: fc.constantFrom(250, 1_750, 10_250),
});

/** A follower and the place it is known to have reached; `pending` while it waits for its next page. */
interface Follower {
  readonly pages: AsyncIterator<Page>;
  cursor: Id;
  pending: { readonly settled: () => Page | undefined } | undefined;
}

it("does what arrays would do, whatever is asked of it", async () => {
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 40 }), async (limits, steps) => {
      const clock = handClock();
      const journal = await openJournal("memory:", limits, clock);
      const model = new Model(limits, await journal.head("main"));
      const abort = new AbortController();
      const followers = (["0-aaaaaaaa", "3-aaaaaaaa", model.head] as const).map((after): Follower => {
        const pages = journal.follow("main", after, abort.signal)[Symbol.asyncIterator]();
        return { pages, cursor: after, pending: undefined };
      });
      let bursts = 0;
      for (const one of steps) {
        if (one.type === "burst") bursts += 1;
        await take(one, bursts, { journal, model, clock, followers });
        for (const follower of followers) await settle(follower, model);
      }
      abort.abort();
      for (const { pages } of followers) assert.equal((await pages.next()).done, true);
      await journal.close();
    }),
    { numRuns: 300 },
  );
});

interface World {
  readonly journal: Journal;
  readonly model: Model;
  readonly clock: HandClock;
  readonly followers: readonly Follower[];
}

async function take(one: Step, bursts: number, { journal, model, clock, followers }: World): Promise<void> {
  switch (one.type) {
    case "append":
    case "burst": {
      const publications = one.type === "append" ? one.publications : burst(one.count, bursts);
      model.sweep(clock.epoch());
      const answered = await journal.append("main", publications);
      assert.deepEqual(answered, model.append(publications, answered, clock.now(), clock.epoch()));
      assert.equal(await journal.head("main"), model.head);
      return;
    }
    case "advance":
      return clock.advance(one.steps * STEP_MS);
    case "read": {
      const position = positionOf(one.at, model);
      model.sweep(clock.epoch());
      assert.deepEqual(await journal.read("main", position, one.limit), model.read(position, one.limit));
      return;
    }
    case "pull": {
      const follower = followers[one.follower];
      if (follower === undefined || follower.pending !== undefined) return;
      model.sweep(clock.epoch());
      let page: Page | undefined;
      follower.pages.next().then(({ value }) => {
        page = value;
      }, assert.ifError);
      follower.pending = { settled: () => page };
    }
  }
}

/** A follower that was asked has answered exactly if there is something to tell, and told that. */
async function settle(follower: Follower, model: Model): Promise<void> {
  if (follower.pending === undefined) return;
  await turn();
  const page = follower.pending.settled();
  const expected = model.read(follower.cursor, FOLLOW_PAGE);
  if (expected.type === "entries" && expected.entries.length === 0) return assert.equal(page, undefined);
  assert.deepEqual(page, expected);
  follower.pending = undefined;
  follower.cursor = expected.type === "gap" ? expected.cursor : (expected.entries.at(-1)?.id ?? follower.cursor);
}

function positionOf(at: Place, model: Model): Position {
  if (at === "oldest" || at === "now") return at;
  const n = model.all.length - at.back;
  const id = n <= 0 ? (`${Math.max(0, n)}-aaaaaaaa` as const) : model.all[n - 1]?.id;
  return at.forged || id === undefined ? `${Math.max(0, n)}-aaaaaaaa` : id;
}

function burst(count: number, round: number): Publication[] {
  return Array.from({ length: count }, (_, i) => ({ publisher: "burst", key: `${round}/${i}`, data: `${i}` }));
}
