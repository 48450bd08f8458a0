import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryJournal } from "../../src/journal/memory.js";
import { JOURNAL_DEFAULTS, type Journal, type Page } from "../../src/journal/port.js";
import type { Id, Position } from "../../src/protocol/ids.js";
import { Feed } from "../../src/stream/feed.js";
import { Session } from "../../src/stream/session.js";
import { MAX_PINNED_BYTES, Stalls } from "../../src/stream/stalls.js";
import { ManualClock } from "../support/manual-clock.js";
import { lineEncoding, STREAM, TestChannel, turns } from "./kit.js";

/** Counts what is read of a journal. */
class CountedJournal extends MemoryJournal {
  reads = 0;
  entries = 0;

  override async read(stream: string, position: Position, limit: number, signal?: AbortSignal): Promise<Page> {
    const page = await super.read(stream, position, limit, signal);
    this.reads += 1;
    if (page.type === "entries") this.entries += page.entries.length;
    return page;
  }
}

async function publish(journal: Journal, count: number, bytes: number): Promise<void> {
  const data = JSON.stringify("x".repeat(bytes));
  const keys = Array.from({ length: count }, () => crypto.randomUUID());
  await journal.append(
    STREAM,
    keys.map((key) => ({ publisher: "test", key, data })),
  );
}

/** A backlog, and clients that read it from its start. */
async function backlog(...parts: readonly { readonly count: number; readonly bytes: number }[]) {
  const clock = new ManualClock();
  const journal = new CountedJournal(JOURNAL_DEFAULTS, clock);
  const start = await journal.head(STREAM);
  for (const { count, bytes } of parts) await publish(journal, count, bytes);
  const events = { items() {}, gap() {}, ended() {}, failed() {} };
  const stalls = new Stalls(MAX_PINNED_BYTES);
  const feed = new Feed(STREAM, await journal.head(STREAM), { journal, clock, events, stalls });
  const encoding = lineEncoding();
  const open = () => {
    const channel = new TestChannel(encoding);
    const session = new Session(feed, channel, start);
    channel.session = session;
    session.start();
    return { channel, session };
  };
  return { journal, feed, open };
}

async function atHead({ channel, session }: { channel: TestChannel; session: Session }, count: number): Promise<void> {
  while (session.state === "replaying") await turns(1);
  assert.equal(session.state, "live");
  assert.equal(channel.items.length, count);
  assert.equal(new Set<Id>(channel.items).size, count);
  session.stop();
}

const ITEMS = 400;
const BYTES = 20_000;
/** The largest page, of the smallest items. */
const LARGEST_PAGE = 512;

describe("what a replay of large items reads of the journal", { timeout: 60_000 }, () => {
  test("one client after the other: no more than three times what each is given", async () => {
    const { journal, open } = await backlog({ count: ITEMS, bytes: BYTES });
    const clients = 5;
    for (let n = 0; n < clients; n += 1) await atHead(open(), ITEMS);
    const most = clients * ITEMS * 3 + LARGEST_PAGE;
    assert.ok(journal.entries <= most, `${journal.entries} entries were read, ${most} at most`);
  });

  test("all at once: as much as for one", async () => {
    const { journal, open } = await backlog({ count: ITEMS, bytes: BYTES });
    const clients = Array.from({ length: 5 }, open);
    for (const client of clients) await atHead(client, ITEMS);
    const most = ITEMS * 3 + LARGEST_PAGE;
    assert.ok(journal.entries <= most, `${journal.entries} entries were read, ${most} at most`);
  });

  test("once the items are small again, the pages are large again", async () => {
    const small = 10_000;
    const { journal, open } = await backlog({ count: ITEMS, bytes: BYTES }, { count: small, bytes: 10 });
    await atHead(open(), ITEMS + small);
    // Two large items to a page (three would fit), then twice as many from page to page, once a page began where it should.
    const most = ITEMS / 2 + 2 * Math.log2(LARGEST_PAGE) + small / LARGEST_PAGE + 2;
    assert.ok(journal.reads <= most, `${journal.reads} reads, ${most} at most`);
  });
});

describe("what a replay reads of the journal's last page", { timeout: 60_000 }, () => {
  test("one client after the other, while nothing is published: as much as for one", async () => {
    const { journal, open } = await backlog({ count: ITEMS, bytes: 10 });
    await atHead(open(), ITEMS);
    const { entries } = journal;
    for (let n = 0; n < 5; n += 1) await atHead(open(), ITEMS);
    assert.equal(journal.entries, entries);
  });

  test("all of it anew, once more was published", async () => {
    const { journal, feed, open } = await backlog({ count: ITEMS, bytes: 10 });
    const end = new AbortController();
    const followed = feed.follow(end.signal);
    await atHead(open(), ITEMS);
    for (let more = 1; more <= 3; more += 1) {
      await publish(journal, 1, 10);
      while (feed.at !== (await journal.head(STREAM))) await turns(1);
      const { entries } = journal;
      await atHead(open(), ITEMS + more);
      assert.ok(journal.entries > entries);
    }
    end.abort();
    await followed;
  });
});
