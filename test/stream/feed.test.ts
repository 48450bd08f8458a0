import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Clock } from "../../src/base/clock.js";
import { MemoryJournal } from "../../src/journal/memory.js";
import { JOURNAL_DEFAULTS, type Journal, type Page } from "../../src/journal/port.js";
import { type Id, numberOf } from "../../src/protocol/ids.js";
import type { Feed, FeedEvents } from "../../src/stream/feed.js";
import { Feeds } from "../../src/stream/feeds.js";
import { Session } from "../../src/stream/session.js";
import { MAX_PINNED_BYTES, Stalls } from "../../src/stream/stalls.js";
import { ManualClock } from "../support/manual-clock.js";
import { lineEncoding, numbers, RiggedJournal, TestChannel, turns, world } from "./kit.js";

function feedsOf(journal: Journal, clock: Clock): Feeds {
  const events: FeedEvents = { items() {}, gap() {}, ended() {}, failed() {} };
  return new Feeds({ journal, clock, events, stalls: new Stalls(MAX_PINNED_BYTES) });
}

describe("a follower that is lost", () => {
  test("is told, comes back, and goes on without a hole or a repeat", async () => {
    const it = await world();
    const { channel } = it.open(it.feed.at);
    await it.append(2);
    await turns();
    it.journal.loseFollowers();
    await turns();
    assert.deepEqual(it.told, ["items main 2 0 0", "failed main follower lost"]);
    await it.append(3);
    await turns();
    assert.deepEqual(numbers(channel.items), [1, 2]);
    await it.clock.advance(60_000);
    await turns();
    assert.deepEqual(numbers(channel.items), [1, 2, 3, 4, 5]);
    await it.end();
    assert.deepEqual(it.clock.pending, []);
  });

  test("wakes those who wait for it when it comes back", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(3);
    await turns();
    it.journal.failingReads = 1;
    it.journal.loseFollowers();
    const { channel, session } = it.open(base);
    await turns();
    assert.deepEqual([channel.given, session.state], [[], "replaying"]);
    await it.clock.advance(60_000);
    await turns();
    assert.deepEqual([numbers(channel.items), session.state], [[1, 2, 3], "live"]);
    await it.end();
  });

  test("leaves the event loop its turns while it makes up for what it missed", async () => {
    const it = await world({}, false);
    await it.append(10_000);
    it.follow();
    let most = 0;
    for (let before = 0; before < 10_000; before = numberOf(it.feed.at)) {
      await turns(1);
      most = Math.max(most, numberOf(it.feed.at) - before);
    }
    assert.ok(most <= 512, `${most} items in one turn`);
    await it.end();
  });

  test("does not wait for its next attempt when it is told to stop", async () => {
    const it = await world();
    it.journal.loseFollowers();
    await turns();
    assert.equal(it.clock.pending.length, 1);
    await it.end();
    assert.deepEqual(it.clock.pending, []);
  });
});

test("the journal closed under the follower is told; an end that was asked for is not", async () => {
  const closed = await world();
  await closed.journal.close();
  await turns();
  assert.deepEqual(closed.told, ["ended main"]);
  await closed.end();
  const asked = await world();
  await asked.end();
  assert.deepEqual(asked.told, []);
});

test("tells what came and how late, and gaps", async () => {
  const it = await world({ retentionItems: 3 }, false);
  await it.append(4);
  await it.clock.advance(1_000);
  await it.append(1);
  await it.clock.advance(250);
  it.follow();
  await turns();
  assert.deepEqual(it.told, ["gap main trimmed", "items main 3 250 1250"]);
  it.journal.replace();
  await turns();
  assert.deepEqual(it.told.slice(2), ["gap main replaced"]);
  assert.equal(it.feed.at, await it.journal.head("main"));
  await it.end();
});

describe("work is done once", () => {
  test("an item is encoded once for all who are live", async () => {
    const it = await world();
    const all = Array.from({ length: 100 }, () => it.open(it.feed.at));
    await it.append(20);
    await turns();
    for (const { channel } of all) assert.equal(channel.items.length, 20);
    assert.equal(it.encoding.encoded, 20);
    await it.end();
  });

  test("a page is read and encoded once for all who resume in the same place", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(1_024);
    await turns();
    const all = Array.from({ length: 100 }, () => it.open(base));
    await turns();
    // And for whoever comes later: a full page stays true.
    all.push(it.open(base));
    await turns();
    for (const { channel } of all) assert.equal(channel.items.length, 1_024);
    assert.equal(it.encoding.encoded, 1_024);
    // Pages of 64, 64, 128, 256 and 512, and what comes after them.
    assert.ok(it.journal.reads <= 6, `${it.journal.reads} reads`);
    await it.end();
  });

  test("those who resume in different places soon read the same pages", async () => {
    const it = await world();
    const ids = await it.append(4_096);
    await turns();
    const all = ids.slice(0, 100).map((id) => it.open(id));
    await turns();
    for (const [i, { channel }] of all.entries()) assert.equal(channel.items.length, 4_095 - i);
    // Their first pages are their own, 64 items each at most.
    const { encoded } = it.encoding;
    assert.ok(encoded <= 4_096 + all.length * 64, `${encoded} encoded`);
    await it.end();
  });

  test("each encoding has its own line", async () => {
    const it = await world();
    const other = { ...lineEncoding(), name: "others" };
    assert.notEqual(it.feed.line(other), it.feed.line(it.encoding));
    assert.equal(it.feed.line(it.encoding), it.feed.line({ ...it.encoding }));
    await it.end();
  });

  test("an encoding that nobody uses any more is not encoded; who comes back misses nothing", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    const other = new TestChannel({ ...lineEncoding(), name: "others" });
    new Session(it.feed, other, it.feed.at).start();
    await it.append(2);
    await turns();
    session.stop();
    await it.append(3);
    await turns();
    assert.equal(it.encoding.encoded, 2);
    session.start();
    await it.append(1);
    await turns();
    assert.deepEqual([numbers(channel.items), session.state], [[1, 2, 3, 4, 5, 6], "live"]);
    assert.deepEqual(numbers(other.items), [1, 2, 3, 4, 5, 6]);
    await it.end();
  });

  test("no page of a journal that was replaced is given out any more", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(600);
    await turns();
    const page = await it.feed.page(it.encoding, base);
    assert.ok(page.type === "slice" && page.full);
    it.journal.replace();
    await turns();
    assert.equal((await it.feed.page(it.encoding, base)).type, "gap");
    await it.end();
  });

  test("a page that ends where the journal's did, for its size, is full", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(2, 1_200_000);
    await turns();
    const page = await it.feed.page(it.encoding, base);
    assert.ok(page.type === "slice" && page.slice.n === 1 && page.full);
    await it.end();
  });

  test("a page that is not full is read again when the follower has moved: more has come", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(2);
    await turns();
    assert.equal((await it.feed.page(it.encoding, base)).type, "slice");
    await it.append(2);
    await turns();
    const page = await it.feed.page(it.encoding, base);
    assert.ok(page.type === "slice" && page.slice.n === 4 && !page.full);
    await it.end();
  });
});

async function idle() {
  const clock = new ManualClock();
  const journal = new RiggedJournal({}, clock);
  return { clock, journal, feeds: feedsOf(journal, clock) };
}

/** A journal whose followers notice that they are to end only when the next page comes. */
class LateJournal extends RiggedJournal {
  override async *follow(stream: string, after: Id): AsyncGenerator<Page, void, undefined> {
    yield* super.follow(stream, after, new AbortController().signal);
  }
}

function begin(feed: Feed, cursor = feed.at) {
  const channel = new TestChannel(lineEncoding());
  const session = new Session(feed, channel, cursor);
  channel.session = session;
  session.start();
  return { channel, session };
}

const publish = (journal: Journal, key: string) => journal.append("a", [{ publisher: "p", key, data: key }]);

describe("the feeds of a process", () => {
  test("one for each stream, made when it is first asked for", async () => {
    const clock = new ManualClock();
    const journal = new MemoryJournal(JOURNAL_DEFAULTS, clock);
    const feeds = feedsOf(journal, clock);
    const [a, again, b] = await Promise.all([feeds.open("a"), feeds.open("a"), feeds.open("b")]);
    assert.equal(a, again);
    assert.notEqual(a, b);
    assert.deepEqual(feeds.all(), [a, b]);
    await feeds.close();
  });

  test("follow until they are closed; none can be made after that", async () => {
    const clock = new ManualClock();
    const journal = new MemoryJournal(JOURNAL_DEFAULTS, clock);
    const feeds = feedsOf(journal, clock);
    const feed = await feeds.open("a");
    await journal.append("a", [{ publisher: "p", key: "1", data: "1" }]);
    await turns();
    const at = await journal.head("a");
    assert.equal(feed.at, at);
    await feeds.close();
    await journal.append("a", [{ publisher: "p", key: "2", data: "2" }]);
    await turns();
    assert.equal(feed.at, at);
    await assert.rejects(feeds.open("b"), { code: "shutting_down" });
  });

  test("one that could not be made is tried again when asked for", async () => {
    const clock = new ManualClock();
    const journal = new RiggedJournal({}, clock);
    journal.failingHeads = 1;
    const feeds = feedsOf(journal, clock);
    await assert.rejects(feeds.open("a"), /head failed/);
    assert.deepEqual(feeds.all(), []);
    const feed = await feeds.open("a");
    const channel = new TestChannel(lineEncoding());
    assert.equal(feed.line(channel.encoding).log.id, feed.at);
    await feeds.close();
  });

  test("one that nobody has used for a minute is given up, and made anew when it is wanted", async () => {
    const { clock, journal, feeds } = await idle();
    const feed = await feeds.open("a");
    await clock.advance(59_999);
    assert.deepEqual([feeds.all(), feeds.current("a")], [[feed], feed]);
    // Asked for just now: it may be used soon.
    await clock.advance(59_999);
    assert.deepEqual(feeds.all(), [feed]);
    await clock.advance(60_000);
    assert.deepEqual([feeds.all(), feeds.current("a")], [[], undefined]);
    await publish(journal, "1");
    assert.equal(numberOf(feed.at), 0, "it is followed no longer");
    const anew = await feeds.open("a");
    assert.notEqual(anew, feed);
    assert.equal(numberOf(anew.at), 1);
    await feeds.close();
    assert.deepEqual(clock.pending, []);
  });

  test("one with a session stays, and a minute more when that has ended", async () => {
    const { clock, feeds } = await idle();
    const feed = await feeds.open("a");
    const { session } = begin(feed);
    await clock.advance(600_000);
    assert.deepEqual(feeds.all(), [feed]);
    session.stop();
    // Whoever has stopped twice has left once.
    session.stop();
    await clock.advance(59_999);
    assert.deepEqual(feeds.all(), [feed]);
    const another = begin(feed);
    await clock.advance(600_000);
    assert.deepEqual(feeds.all(), [feed]);
    another.session.stop();
    await clock.advance(60_000);
    assert.deepEqual(feeds.all(), []);
    await feeds.close();
  });

  test("a session that begins on one that was given up gets everything all the same", async () => {
    const { clock, journal, feeds } = await idle();
    const feed = await feeds.open("a");
    await clock.advance(120_000);
    assert.deepEqual(feeds.all(), []);
    const { channel, session } = begin(feed);
    assert.deepEqual(feeds.all(), [feed]);
    assert.equal(await feeds.open("a"), feed);
    await publish(journal, "1");
    await turns();
    assert.deepEqual([numbers(channel.items), session.state], [[1], "live"]);
    session.stop();
    await clock.advance(60_000);
    assert.deepEqual(feeds.all(), []);
    await feeds.close();
  });

  test("nor does a newer feed of its stream harm it", async () => {
    const { clock, journal, feeds } = await idle();
    const late = await feeds.open("a");
    await clock.advance(120_000);
    const opening = feeds.open("a");
    // One begins before the newer one is there, one after.
    const old = begin(late);
    const feed = await opening;
    const one = begin(feed);
    old.session.stop();
    await clock.advance(60_000);
    assert.deepEqual(feeds.all(), [feed]);
    old.session.start();
    assert.notEqual(feed, late);
    assert.equal(feeds.current("a"), feed);
    assert.deepEqual(new Set(feeds.all()), new Set([feed, late]));
    await publish(journal, "1");
    await turns();
    for (const { channel } of [old, one]) assert.deepEqual(numbers(channel.items), [1]);
    old.session.stop();
    await clock.advance(60_000);
    assert.deepEqual([feeds.all(), feeds.current("a")], [[feed], feed]);
    await feeds.close();
    assert.deepEqual(clock.pending, []);
  });

  test("one that is wanted again before its follower has ended is followed once", async () => {
    const clock = new ManualClock();
    const journal = new LateJournal({}, clock);
    const feeds = feedsOf(journal, clock);
    const feed = await feeds.open("a");
    const base = feed.at;
    await clock.advance(60_000);
    const { channel } = begin(feed);
    await publish(journal, "1");
    await turns();
    assert.deepEqual([numbers(channel.items), numberOf(feed.at)], [[1], 1]);
    // The first follower has ended by now, and that is not taken for the end of the second.
    journal.failingReads = 1;
    const behind = begin(feed, base);
    await turns();
    assert.deepEqual(behind.channel.items, []);
    await clock.advance(1_000);
    await turns();
    assert.deepEqual(numbers(behind.channel.items), [1]);
    const closed = feeds.close();
    await publish(journal, "2");
    await closed;
  });

  test("nobody's leaving wakes what is closed", async () => {
    const { clock, feeds } = await idle();
    const { session } = begin(await feeds.open("a"));
    await feeds.close();
    session.stop();
    assert.deepEqual(clock.pending, []);
  });

  test("the journal's refusals come through", async () => {
    const clock = new ManualClock();
    const feeds = feedsOf(new MemoryJournal({ ...JOURNAL_DEFAULTS, maxStreams: 1 }, clock), clock);
    await feeds.open("a");
    await assert.rejects(feeds.open("b"), { code: "too_many_streams" });
    await feeds.close();
  });
});
