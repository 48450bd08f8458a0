import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryJournal } from "../../src/journal/memory.js";
import { JOURNAL_DEFAULTS } from "../../src/journal/port.js";
import type { FeedEvents } from "../../src/stream/feed.js";
import { Feeds } from "../../src/stream/feeds.js";
import { ManualClock } from "../support/manual-clock.js";
import { lineEncoding, numbers, RiggedJournal, TestChannel, turns, world } from "./kit.js";

const SILENT: FeedEvents = { items() {}, gap() {}, ended() {}, failed() {} };

describe("a follower that is lost", () => {
  test("is told, comes back, and goes on without a hole or a repeat", async () => {
    const it = await world();
    const { channel } = it.open(it.feed.at);
    await it.append(2);
    await turns();
    it.journal.loseFollowers();
    await turns();
    assert.deepEqual(it.told, ["items main 2 0", "failed main follower lost"]);
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
  await it.append(5);
  await it.clock.advance(250);
  it.follow();
  await turns();
  assert.deepEqual(it.told, ["gap main trimmed", "items main 3 250"]);
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
    assert.ok(it.journal.reads <= 4, `${it.journal.reads} reads`);
    await it.end();
  });

  test("each encoding has its own line", async () => {
    const it = await world();
    const other = { ...lineEncoding(), name: "others" };
    assert.notEqual(it.feed.line(other), it.feed.line(it.encoding));
    assert.equal(it.feed.line(it.encoding), it.feed.line({ ...it.encoding }));
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

  test("a page that is not full is read again: more may have come", async () => {
    const it = await world({}, false);
    const base = it.feed.at;
    await it.append(2);
    assert.equal((await it.feed.page(it.encoding, base)).type, "slice");
    await it.append(2);
    const page = await it.feed.page(it.encoding, base);
    assert.ok(page.type === "slice" && page.slice.n === 4 && !page.full);
    await it.end();
  });
});

describe("the feeds of a process", () => {
  test("one for each stream, made when it is first asked for", async () => {
    const clock = new ManualClock();
    const journal = new MemoryJournal(JOURNAL_DEFAULTS, clock);
    const feeds = new Feeds(journal, clock, SILENT);
    const [a, again, b] = await Promise.all([feeds.open("a"), feeds.open("a"), feeds.open("b")]);
    assert.equal(a, again);
    assert.notEqual(a, b);
    assert.deepEqual(feeds.all(), [a, b]);
    await feeds.close();
  });

  test("follow until they are closed; none can be made after that", async () => {
    const clock = new ManualClock();
    const journal = new MemoryJournal(JOURNAL_DEFAULTS, clock);
    const feeds = new Feeds(journal, clock, SILENT);
    const feed = await feeds.open("a");
    await journal.append("a", [{ publisher: "p", key: "1", data: "1" }]);
    await turns();
    const at = await journal.head("a");
    assert.equal(feed.at, at);
    await feeds.close();
    await journal.append("a", [{ publisher: "p", key: "2", data: "2" }]);
    await turns();
    assert.equal(feed.at, at);
    await assert.rejects(feeds.open("b"));
  });

  test("one that could not be made is tried again when asked for", async () => {
    const clock = new ManualClock();
    const journal = new RiggedJournal({}, clock);
    journal.failingHeads = 1;
    const feeds = new Feeds(journal, clock, SILENT);
    await assert.rejects(feeds.open("a"), /head failed/);
    assert.deepEqual(feeds.all(), []);
    const feed = await feeds.open("a");
    const channel = new TestChannel(lineEncoding());
    assert.equal(feed.line(channel.encoding).log.id, feed.at);
    await feeds.close();
  });

  test("the journal's refusals come through", async () => {
    const clock = new ManualClock();
    const feeds = new Feeds(new MemoryJournal({ ...JOURNAL_DEFAULTS, maxStreams: 1 }, clock), clock, SILENT);
    await feeds.open("a");
    await assert.rejects(feeds.open("b"), { code: "too_many_streams" });
    await feeds.close();
  });
});
