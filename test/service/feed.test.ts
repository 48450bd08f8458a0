import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { pino } from "pino";
import type { Journal } from "../../src/journal/port.js";
import { Publisher } from "../../src/server/publisher.js";
import { DemoFeed, type FeedOptions } from "../../src/service/feed.js";
import { entriesOf } from "../journal/contract/kit.js";
import { altered, listen, memory, QUICK } from "../server/kit.js";
import { LogLines } from "../server/log-lines.js";
import { TextClient } from "../server/text-client.js";
import { ManualClock } from "../support/manual-clock.js";

/** Half a second past noon. */
const NOON = Date.UTC(2025, 0, 1, 12) + 500;
const never = new AbortController().signal;

function feed(journal: Journal, clock: ManualClock, options: Partial<FeedOptions> = {}) {
  const log = new LogLines();
  const publisher = new Publisher(journal, 65_536, () => {});
  const made = new DemoFeed(publisher, { clock, log: pino({}, log), intervalMs: 2_000, random: () => 0, ...options });
  return { feed: made, log };
}

const dataOf = async (journal: Journal) => (await entriesOf(journal, "main")).map(({ data }) => JSON.parse(data));

describe("the demo feed", () => {
  test("publishes an item at every slot, which says the slot's start in UTC", async () => {
    const clock = new ManualClock(NOON);
    const journal = memory({}, clock);
    const { feed: it } = feed(journal, clock);
    it.start();
    assert.deepEqual(clock.pending, [1_500], "slots are even whenever the process started");
    await clock.advance(1_499);
    assert.deepEqual(await dataOf(journal), []);
    await clock.advance(1);
    assert.deepEqual(await dataOf(journal), ["Business data: 12:00:02"]);
    await clock.advance(4_000);
    assert.deepEqual(
      await dataOf(journal),
      [2, 4, 6].map((s) => `Business data: 12:00:0${s}`),
    );
  });

  test("is one feed however many run it: one item a slot", async () => {
    const clock = new ManualClock(NOON);
    const journal = memory({}, clock);
    for (const { feed: it } of [feed(journal, clock), feed(journal, clock), feed(journal, clock)]) it.start();
    await clock.advance(5_500);
    assert.deepEqual(
      await dataOf(journal),
      [2, 4, 6].map((s) => `Business data: 12:00:0${s}`),
    );
  });

  test("survives a timer that comes a moment early", async () => {
    const clock = new ManualClock(NOON);
    const journal = memory({}, clock);
    const early = {
      now: () => clock.now(),
      epoch: () => clock.epoch(),
      after: (ms: number, callback: () => void) => clock.after(ms > 1 ? ms - 1 : ms, callback),
    };
    const { feed: it } = feed(journal, clock, { clock: early });
    it.start();
    await clock.advance(3_500);
    // No slot is missed, and none makes two items.
    assert.deepEqual(await dataOf(journal), ["Business data: 12:00:02", "Business data: 12:00:04"]);
    await it.finish(never);
  });

  test("its last items are counted from 1, keyed for this process, and stop it", async () => {
    const clock = new ManualClock(NOON);
    const journal = memory({}, clock);
    const one = feed(journal, clock, { finalItems: 3 });
    one.feed.start();
    await clock.advance(1_500);
    assert.equal(await one.feed.finish(never), 3);
    const finals = [1, 2, 3].map((k) => `Final data: 12:00:02 - ${k}`);
    assert.deepEqual(await dataOf(journal), ["Business data: 12:00:02", ...finals]);
    assert.deepEqual(clock.pending, []);
    one.feed.start();
    assert.deepEqual(clock.pending, [], "it does not start again");
    assert.equal((await one.log.line("Last items published"))["items"], 3);
    // Another process's finals are its own, in the same second too.
    assert.equal(await feed(journal, clock, { finalItems: 1 }).feed.finish(never), 1);
    assert.equal((await dataOf(journal)).length, 5);
  });

  for (const [drawn, count] of [
    [0, 1],
    [0.55, 6],
    [0.999_999, 10],
  ] as const) {
    test(`draws ${count} last items from ${drawn}`, async () => {
      const clock = new ManualClock(NOON);
      const journal = memory({}, clock);
      assert.equal(await feed(journal, clock, { random: () => drawn }).feed.finish(never), count);
      assert.equal((await dataOf(journal)).at(-1), `Final data: 12:00:00 - ${count}`);
      assert.equal((await dataOf(journal)).length, count);
    });
  }

  test("interval 0 turns it off, last items and all", async () => {
    const clock = new ManualClock(NOON);
    const journal = memory({}, clock);
    const { feed: it } = feed(journal, clock, { intervalMs: 0, finalItems: 3 });
    it.start();
    assert.deepEqual(clock.pending, []);
    assert.equal(await it.finish(never), 0);
    assert.deepEqual(await dataOf(journal), []);
  });

  test("0 last items are 0", async () => {
    const clock = new ManualClock(NOON);
    const journal = memory({}, clock);
    assert.equal(await feed(journal, clock, { finalItems: 0 }).feed.finish(never), 0);
    assert.deepEqual(await dataOf(journal), []);
  });

  test("a slot that cannot be published is logged, and the next one comes", async () => {
    const clock = new ManualClock(NOON);
    const journal = memory({}, clock);
    let failing = true;
    const lame = altered(journal, {
      append: (...args) => (failing ? Promise.reject(new Error("disk full")) : journal.append(...args)),
    });
    const { feed: it, log } = feed(lame, clock);
    it.start();
    await clock.advance(1_500);
    const line = await log.line("An item of the feed could not be published");
    assert.match(JSON.stringify(line), /disk full/);
    failing = false;
    await clock.advance(2_000);
    assert.deepEqual(await dataOf(journal), ["Business data: 12:00:04"]);
    failing = true;
    // Not so the last items: the drain is to know that they are missing.
    await assert.rejects(it.finish(never), /disk full/);
  });
});

test("a last item whose key was used for something else is an error, told after all were tried", async () => {
  const clock = new ManualClock(NOON);
  const journal = memory({}, clock);
  const { feed: it } = feed(
    altered(journal, {
      async append(stream, publications) {
        const [, second] = publications;
        if (second !== undefined) await journal.append(stream, [{ ...second, data: `"taken"` }]);
        return journal.append(stream, publications);
      },
    }),
    clock,
    { finalItems: 3 },
  );
  await assert.rejects(it.finish(never), { code: "key_reused", message: /^1 of 3 last items/ });
  assert.deepEqual(await dataOf(journal), ["taken", "Final data: 12:00:00 - 1", "Final data: 12:00:00 - 3"]);
});

async function service(t: TestContext, journal: Journal, clock: ManualClock, finalItems: number) {
  const feeds: DemoFeed[] = [];
  const close = async () => {};
  const host = await listen(t, {
    journal: altered(journal, { close }),
    clock,
    budget: QUICK,
    source: (publisher) => {
      const made = new DemoFeed(publisher, {
        clock,
        log: pino({}, new LogLines()),
        intervalMs: 2_000,
        finalItems,
        random: () => 0,
      });
      feeds.push(made);
      return made;
    },
  });
  for (const made of feeds) made.start();
  return host;
}

test("two services on one journal: their clients see the same, and one's last items go on to the other's", async (t) => {
  const clock = new ManualClock(NOON);
  const journal = memory({}, clock);
  const [one, two] = [await service(t, journal, clock, 2), await service(t, journal, clock, 1)];
  const [first, second] = [await TextClient.connect(t, one.ws), await TextClient.connect(t, two.ws)];
  await clock.advance(3_500);
  const slots = ["Business data: 12:00:02", "Business data: 12:00:04"];
  assert.deepEqual(await first.atLeast(2), slots);
  assert.deepEqual(await second.atLeast(2), slots);
  const finals = ["Final data: 12:00:04 - 1", "Final data: 12:00:04 - 2"];
  const drained = one.app.lastcall.drain.start({ type: "request" });
  assert.equal(await first.closed, 1012);
  assert.deepEqual(first.received, [...slots, "SHUTDOWN", ...finals, "CLOSE"]);
  assert.equal((await drained).finals, 2);
  assert.deepEqual(await second.atLeast(4), [...slots, ...finals]);
  await clock.advance(2_000);
  assert.deepEqual(await second.atLeast(5), [...slots, ...finals, "Business data: 12:00:06"]);
  second.socket.close();
  await second.closed;
});
