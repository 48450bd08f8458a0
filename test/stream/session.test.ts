import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeId, numberOf } from "../../src/protocol/ids.js";
import { SEGMENT_BYTES } from "../../src/stream/frame-log.js";
import { numbers, STREAM, turns, world } from "./kit.js";

/** Items of this size, so many of them, are more than the frame log keeps. */
const LARGE = 30_000;
const BEYOND_THE_WINDOW = Math.ceil((12 * SEGMENT_BYTES) / LARGE);

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe("from replaying to live", () => {
  test("gives everything after its cursor, then what comes, without a hole or a repeat", async () => {
    const it = await world();
    const base = it.feed.at;
    // More than two pages of the journal.
    await it.append(1_300);
    await turns();
    const { channel, session } = it.open(base);
    assert.equal(session.state, "replaying");
    await it.append(3);
    await turns();
    assert.equal(session.state, "live");
    await it.append(3);
    await turns();
    assert.deepEqual(numbers(channel.items), upTo(1_306));
    assert.deepEqual([session.cursor, session.n], [it.feed.at, 1_306]);
    assert.deepEqual(channel.violations, []);
    await it.end();
  });

  test("joins at once where the log holds its cursor, without asking the journal", async () => {
    const it = await world();
    const ids = await it.append(10);
    await turns();
    // A line's log begins when it is first asked for.
    const first = it.open(it.feed.at);
    ids.push(...(await it.append(10)));
    await turns();
    const { channel, session } = it.open(ids[14] ?? "0-missing0");
    assert.equal(session.state, "live");
    assert.deepEqual(numbers(channel.items), [16, 17, 18, 19, 20]);
    assert.deepEqual([it.journal.reads, first.channel.items.length], [0, 10]);
    await it.end();
  });

  test("gives everything whatever is appended while it replays, one page at a time", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(600);
    await turns();
    const { channel, session } = it.open(base, (channel) => {
      channel.writesLeft = 1;
    });
    for (let i = 0; i < 12; i += 1) {
      await turns(4);
      await it.append(50);
      channel.unblock(1);
    }
    channel.unblock();
    await turns();
    assert.deepEqual(numbers(channel.items), upTo(1_200));
    assert.equal(session.state, "live");
    await it.end();
  });

  test("leaves the event loop its turns, however much its socket takes", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(10_000);
    await turns();
    const { channel } = it.open(base);
    const given: number[] = [];
    while (channel.items.length < 10_000) {
      await turns(1);
      given.push(channel.items.length);
    }
    const steps = given.map((count, i) => count - (given[i - 1] ?? 0));
    assert.ok(Math.max(...steps) <= 512, `${Math.max(...steps)} items in one turn`);
    await it.end();
  });

  test("a session ahead of this process's follower waits for it", async () => {
    const it = await world({}, false);
    const [, , third] = await it.append(3);
    assert.ok(third);
    const { channel, session } = it.open(third);
    await turns();
    assert.equal(session.state, "replaying");
    it.follow();
    await turns();
    assert.equal(session.state, "live");
    assert.deepEqual(channel.given, []);
    await it.append(1);
    await turns();
    assert.deepEqual(numbers(channel.items), [4]);
    await it.end();
  });
});

describe("a slow channel", () => {
  test("is left alone while blocked, and gets everything once it takes more", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    channel.blocked = true;
    await it.append(5);
    await turns();
    assert.deepEqual([channel.given, channel.awaiting, session.state], [[], true, "replaying"]);
    channel.unblock();
    await turns();
    assert.deepEqual([numbers(channel.items), session.state], [upTo(5), "live"]);
    assert.deepEqual(channel.violations, []);
    await it.end();
  });

  test("falls out of the log's window and replays what it missed, in order", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    await it.append(2);
    await turns();
    channel.blocked = true;
    for (let i = 0; i < BEYOND_THE_WINDOW; i += 1) await it.append(1, LARGE);
    await turns();
    assert.ok(!it.feed.line(it.encoding).log.holds(session.n, session.cursor));
    channel.unblock();
    await turns();
    assert.ok(it.journal.reads > 0);
    assert.deepEqual([numbers(channel.items), session.state], [upTo(2 + BEYOND_THE_WINDOW), "live"]);
    await it.end();
  });

  test("that blocks after every single write is asked every time", async () => {
    for (const replayed of [0, 900]) {
      const it = await world();
      const base = it.feed.at;
      await it.append(replayed);
      await turns();
      const { channel, session } = it.open(base, (channel) => {
        channel.writesLeft = 1;
      });
      let appended = replayed;
      for (let i = 0; i < 30 && (numbers(channel.items).at(-1) ?? 0) < 930; i += 1) {
        appended += (await it.append(1)).length;
        await turns(3);
        // Blocked and behind, it must have asked: nobody would ever wake it otherwise.
        if (channel.blocked && session.n < appended) assert.equal(channel.awaiting, true);
        channel.unblock(1);
        await turns(3);
      }
      channel.unblock();
      await turns();
      assert.deepEqual(numbers(channel.items), upTo(appended));
      assert.deepEqual(channel.violations, []);
      await it.end();
    }
  });

  test("that was blocked before it started is asked too", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(2);
    const { channel } = it.open(base, (channel) => {
      channel.blocked = true;
    });
    assert.equal(channel.awaiting, true);
    channel.unblock();
    await turns();
    assert.deepEqual(numbers(channel.items), [1, 2]);
    await it.end();
  });

  test("that blocks while a page is being read is not written to", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(3);
    await turns();
    it.journal.hold();
    const { channel, session } = it.open(base);
    await turns(3);
    channel.blocked = true;
    it.journal.release();
    await turns();
    assert.deepEqual(channel.violations, []);
    assert.deepEqual([channel.given, channel.awaiting], [[], true]);
    channel.unblock();
    await turns();
    assert.deepEqual([numbers(channel.items), session.state], [upTo(3), "live"]);
    await it.end();
  });

  test("holds up nobody else", async () => {
    const it = await world();
    const slow = it.open(it.feed.at);
    const quick = it.open(it.feed.at);
    slow.channel.blocked = true;
    await it.append(4);
    await turns();
    assert.deepEqual(numbers(quick.channel.items), upTo(4));
    assert.equal(slow.channel.items.length, 0);
    await it.end();
  });
});

describe("gaps", () => {
  test("trimmed under a live session: told once, then on after the trim base", async () => {
    const it = await world({ retentionItems: 10 }, false);
    const base = it.feed.at;
    const { channel, session } = it.open(base);
    assert.equal(session.state, "live");
    // The follower is slow: it starts when the journal has trimmed what it would read next.
    const ids = await it.append(100);
    it.follow();
    await turns();
    assert.deepEqual(channel.gaps, [{ type: "gap", after: base, cursor: ids[89], reason: "trimmed" }]);
    assert.equal(channel.given[0]?.type, "gap");
    assert.deepEqual([channel.items, session.state], [ids.slice(90), "live"]);
    await it.end();
  });

  test("replaced under a live session: told once, then on in the new journal", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    const before = await it.append(5);
    await turns();
    it.journal.replace();
    await turns();
    const cursor = await it.journal.head(STREAM);
    assert.deepEqual(channel.gaps, [{ type: "gap", after: before[4], cursor, reason: "replaced" }]);
    const after = await it.append(2);
    await turns();
    assert.deepEqual([channel.items, session.state], [[...before, ...after], "live"]);
    await it.end();
  });

  test("trimmed under a session that waits for its socket", async () => {
    const it = await world({ retentionItems: 10 });
    const { channel, session } = it.open(it.feed.at);
    const [first] = await it.append(1);
    await turns();
    channel.blocked = true;
    // Past the log's window too, or it would still have it from there.
    const ids = [];
    for (let i = 0; i < BEYOND_THE_WINDOW; i += 1) ids.push(...(await it.append(1, LARGE)));
    await turns();
    channel.unblock();
    await turns();
    assert.deepEqual(channel.gaps, [{ type: "gap", after: first, cursor: ids.at(-11), reason: "trimmed" }]);
    assert.deepEqual([channel.items, session.state], [[first, ...ids.slice(-10)], "live"]);
    await it.end();
  });

  test("replaced under a session that waits for its socket: told once, when it takes more", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    const before = await it.append(2);
    await turns();
    channel.blocked = true;
    await it.append(2);
    await turns();
    it.journal.replace();
    const after = await it.append(3);
    await turns();
    assert.deepEqual(channel.gaps, []);
    channel.unblock();
    await turns();
    assert.deepEqual(channel.gaps, [{ type: "gap", after: before[1], cursor: after[2], reason: "replaced" }]);
    const later = await it.append(1);
    await turns();
    assert.deepEqual([channel.items, session.state], [[...before, ...later], "live"]);
    await it.end();
  });

  test("a page that was read before the journal was replaced is followed by the gap", async () => {
    const it = await world();
    const base = it.feed.at;
    const before = await it.append(3);
    await turns();
    it.journal.hold();
    const { channel } = it.open(base);
    await turns(3);
    it.journal.replace();
    await turns(3);
    it.journal.release();
    await turns();
    assert.deepEqual(channel.items, before);
    assert.deepEqual(
      channel.gaps.map(({ after, reason }) => [after, reason]),
      [[before[2], "replaced"]],
    );
    await it.end();
  });

  test("one that the peer cannot live with stops the session, live or replaying", async () => {
    for (const blocked of [false, true]) {
      const it = await world();
      const { channel, session } = it.open(it.feed.at, (channel) => {
        channel.acceptsGaps = false;
      });
      await it.append(1);
      await turns();
      channel.blocked = blocked;
      await it.append(1);
      await turns();
      it.journal.replace();
      await turns();
      channel.unblock();
      await it.append(1);
      await turns();
      assert.deepEqual([channel.gaps.length, session.state], [1, "stopped"]);
      assert.deepEqual(numbers(channel.items), blocked ? [1] : [1, 2]);
      await it.end();
    }
  });

  test("a cursor that never held is told before anything is given", async () => {
    const it = await world();
    await it.append(4);
    await turns();
    const { channel } = it.open(makeId(2, "forged00"));
    await turns();
    assert.deepEqual(channel.given, [{ type: "gap", after: "2-forged00", cursor: it.feed.at, reason: "replaced" }]);
    await it.end();
  });

  test("an empty answer from before the follower came by does not leave the session waiting", async () => {
    const it = await world({}, false);
    await it.append(1);
    it.journal.replace();
    // The session meets the new journal before the follower does, and asks what is behind its head: nothing yet.
    const { channel, session } = it.open(makeId(1, "oldentry"), (channel) => {
      channel.onGap = () => it.journal.hold();
    });
    await turns();
    assert.equal(channel.gaps.length, 1);
    // The follower comes by and goes on, and only then the answer arrives.
    it.follow();
    await turns();
    await it.append(1);
    await turns();
    it.journal.release();
    await turns();
    assert.deepEqual([numbers(channel.items), session.state], [[1], "live"]);
    await it.end();
  });
});

describe("the goal", () => {
  test("is reached at once by a session that is there", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    await it.append(3);
    await turns();
    session.reach(it.mark(3));
    assert.equal(channel.arrivals, 1);
    await it.append(3);
    await turns();
    assert.equal(channel.arrivals, 1);
    await it.end();
  });

  test("is served at once to a session the pump has not visited yet", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    it.feed.line(it.encoding).log.append([{ id: makeId(1, "justcame"), at: 0, data: "1" }]);
    session.reach(it.mark(1));
    assert.deepEqual(channel.given, [{ type: "item", id: "1-justcame" }, { type: "arrived" }]);
    await it.end();
  });

  test("comes after the item it names, in a slice or at its end, replaying or live, exactly once", async () => {
    for (const goal of [1, 3, 4, 700]) {
      const it = await world();
      const base = it.feed.at;
      await it.append(3);
      await turns();
      const { channel, session } = it.open(base);
      session.reach(it.mark(goal));
      await turns();
      if (goal > 3) assert.equal(channel.arrivals, 0);
      for (let i = 0; i < 3; i += 1) {
        await it.append(300);
        await turns();
      }
      const at = channel.given.findIndex(({ type }) => type === "arrived");
      const before = channel.given.slice(0, at).flatMap((one) => (one.type === "item" ? [numberOf(one.id)] : []));
      assert.ok((before.at(-1) ?? 0) >= goal, `goal ${goal}, after ${before.at(-1)}`);
      assert.equal(channel.arrivals, 1);
      await it.end();
    }
  });

  test("a channel that stops the session when it has arrived is given nothing more", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    channel.onArrived = () => session.stop();
    session.reach(it.mark(2));
    await it.append(2);
    await turns();
    await it.append(5);
    await turns();
    assert.deepEqual([numbers(channel.items), channel.arrivals, session.state], [[1, 2], 1, "stopped"]);
    await it.end();
  });

  test("waits for a blocked socket", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    channel.blocked = true;
    await it.append(2);
    await turns();
    session.reach(it.mark(2));
    await turns();
    assert.equal(channel.arrivals, 0);
    channel.unblock();
    await turns();
    assert.equal(channel.arrivals, 1);
    await it.end();
  });

  test("is reached, too, by a gap that leads past it", async () => {
    const it = await world({ retentionItems: 10 }, false);
    const { channel, session } = it.open(it.feed.at);
    await it.append(100);
    session.reach(it.mark(90));
    it.follow();
    await turns();
    assert.equal(channel.arrivals, 1);
    const told = channel.given.map(({ type }) => type);
    assert.deepEqual(told.slice(0, 2), ["gap", "arrived"]);
    await it.end();
  });
});

describe("a goal in a journal that is replaced", () => {
  test("is reached where the new one begins, by who is told of it", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    await it.append(3);
    await turns();
    session.reach(it.mark(5));
    it.journal.replace();
    await turns();
    assert.deepEqual(
      channel.given.slice(3).map(({ type }) => type),
      ["gap", "arrived"],
    );
    await it.append(9);
    await turns();
    assert.equal(channel.arrivals, 1);
    await it.end();
  });

  test("is reached there by who came with a cursor of the new one before the follower knew of it", async () => {
    for (const { blocked, behind } of [
      { blocked: false, behind: false },
      { blocked: true, behind: false },
      { blocked: false, behind: true },
    ]) {
      const it = await world({}, false);
      await it.append(50);
      it.follow();
      await turns();
      const mark = it.mark(50);
      it.journal.freezeFollowers();
      it.journal.replace();
      const base = await it.journal.head(STREAM);
      const [, , third = base] = await it.append(3);
      const { channel, session } = it.open(behind ? base : third, (channel) => {
        channel.blocked = blocked;
      });
      session.reach(mark);
      await turns();
      assert.equal(channel.arrivals, 0, "nobody knows yet how far it is to be served");
      it.journal.thawFollowers();
      await turns();
      if (blocked) assert.equal(channel.arrivals, 0);
      channel.unblock();
      await turns();
      assert.deepEqual([channel.arrivals, session.n, channel.gaps], [1, 3, []]);
      await it.end();
    }
  });

  test("is not reached by a number of the old one", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    await it.append(20);
    await turns();
    // Its socket keeps it from hearing of anything.
    channel.blocked = true;
    await it.append(5);
    await turns();
    it.journal.replace();
    await it.append(3);
    await turns();
    assert.equal(it.feed.generation, 1);
    session.reach(it.mark(3));
    await turns();
    assert.equal(channel.arrivals, 0);
    channel.unblock();
    await turns();
    assert.deepEqual(
      channel.given.slice(20).map(({ type }) => type),
      ["gap", "arrived"],
    );
    await it.end();
  });

  test("nor by a page of it that was being read when the follower came to the new one", async () => {
    const it = await world();
    const base = it.feed.at;
    await it.append(20);
    await turns();
    it.journal.hold();
    const { channel, session } = it.open(base);
    await turns();
    it.journal.replace();
    await it.append(3);
    await turns();
    session.reach(it.mark(3));
    it.journal.release();
    await turns();
    const told = channel.given.map(({ type }) => type);
    assert.ok(told.indexOf("arrived") > told.indexOf("gap"), told.join(" "));
    assert.equal(channel.arrivals, 1);
    await it.end();
  });

  test("that nobody has found out yet, is reached when it is", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    await it.append(5);
    await turns();
    session.reach(it.mark(Number.POSITIVE_INFINITY));
    await it.append(5);
    await turns();
    assert.equal(channel.arrivals, 0);
    it.journal.replace();
    await turns();
    assert.equal(channel.arrivals, 1);
    await it.end();
  });
});

describe("stop", () => {
  test("gives nothing more; the cursor stays, and start goes on from there", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    await it.append(2);
    await turns();
    session.stop();
    await it.append(2);
    await turns();
    assert.deepEqual([numbers(channel.items), session.n], [[1, 2], 2]);
    session.start();
    await turns();
    assert.deepEqual([numbers(channel.items), session.state], [[1, 2, 3, 4], "live"]);
    await it.end();
  });

  test("while a page is read, waiting for the socket, or waiting for the follower: nothing comes late", async () => {
    const it = await world({}, false);
    const base = it.feed.at;
    const [, second] = await it.append(2);
    assert.ok(second);
    const waiting = it.open(second);
    await turns();
    it.journal.hold();
    const reading = it.open(makeId(1, "forged00"));
    const blocked = it.open(base, (channel) => {
      channel.blocked = true;
    });
    await turns(2);
    for (const { session } of [waiting, reading, blocked]) session.stop();
    it.journal.release();
    it.follow();
    await it.append(2);
    await turns();
    blocked.channel.unblock();
    await turns();
    for (const { channel, session } of [waiting, reading, blocked]) {
      assert.deepEqual([channel.given, session.state], [[], "stopped"]);
    }
    await it.end();
  });

  test("starting twice is starting once", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at);
    session.start();
    await it.append(1);
    await turns();
    assert.deepEqual(numbers(channel.items), [1]);
    assert.equal(it.feed.line(it.encoding).pump.size, 1);
    await it.end();
  });
});

test("a read that failed once does not leave a session behind on a quiet stream", async () => {
  const it = await world();
  const base = it.feed.at;
  await it.append(3);
  await turns();
  it.journal.failingReads = 1;
  const { channel } = it.open(base);
  await turns();
  // Whatever time it takes before it tries again.
  await it.clock.advance(10_000);
  await turns();
  assert.deepEqual(numbers(channel.items), [1, 2, 3]);
  await it.end();
});
