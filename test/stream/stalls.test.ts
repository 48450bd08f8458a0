import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SEGMENT_BYTES } from "../../src/stream/frame-log.js";
import { type Block, type Staller, Stalls } from "../../src/stream/stalls.js";
import { numbers, turns, world } from "./kit.js";

const block = (bytes: number): Block => ({ bytes });

/** Notes in `closed` when it is closed. */
function staller(closed: string[], name: string): Staller & { unsent: number } {
  return {
    unsent: 1,
    overrun() {
      closed.push(name);
      this.unsent = 0;
    },
  };
}

describe("the ledger of the stalled", () => {
  test("counts a block once, however many hold it, until nobody does", () => {
    const stalls = new Stalls(1_000);
    const [a, b] = [staller([], "a"), staller([], "b")];
    const [shared, own] = [block(100), block(10)];
    stalls.hold(a, [shared]);
    stalls.hold(b, [shared, own]);
    assert.deepEqual([stalls.size, stalls.bytes], [2, 110]);
    stalls.release(a);
    assert.deepEqual([stalls.size, stalls.bytes], [1, 110]);
    stalls.release(b);
    stalls.release(b);
    assert.deepEqual([stalls.size, stalls.bytes], [0, 0]);
  });

  test("adds to what somebody holds already, and forgets nothing of it", () => {
    const stalls = new Stalls(1_000);
    const a = staller([], "a");
    const [first, second] = [block(100), block(10)];
    stalls.hold(a, [first]);
    stalls.hold(a, []);
    stalls.hold(a, [first, second]);
    assert.deepEqual([stalls.size, stalls.bytes], [1, 110]);
    stalls.release(a);
    assert.equal(stalls.bytes, 0);
  });

  test("closes the longest-stalled, as many as it takes and no more", () => {
    const closed: string[] = [];
    const stalls = new Stalls(300);
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => staller(closed, name)) as [
      Staller,
      Staller,
      Staller,
      Staller,
    ];
    const shared = block(100);
    stalls.hold(a, [shared]);
    stalls.hold(b, [shared]);
    stalls.hold(c, [block(100)]);
    // It stalled first of all, and asking again makes it no younger.
    stalls.hold(a, [shared]);
    assert.deepEqual(closed, []);
    // The first two hold the same, so both have to go before anything is won.
    stalls.hold(d, [block(150)]);
    assert.deepEqual([closed, stalls.bytes, stalls.size], [["a", "b"], 250, 2]);
  });

  test("who has taken everything since stalls last again", () => {
    const closed: string[] = [];
    const stalls = new Stalls(200);
    const [a, b] = [staller(closed, "a"), staller(closed, "b")];
    stalls.hold(a, [block(100)]);
    stalls.hold(b, [block(100)]);
    stalls.release(a);
    stalls.hold(a, [block(150)]);
    assert.deepEqual([closed, stalls.bytes], [["b"], 150]);
  });

  test("who has taken everything in silence is let off", () => {
    const closed: string[] = [];
    const stalls = new Stalls(200);
    const [a, b] = [staller(closed, "a"), staller(closed, "b")];
    stalls.hold(a, [block(100)]);
    a.unsent = 0;
    stalls.hold(b, [block(150)]);
    assert.deepEqual([closed, stalls.size, stalls.bytes], [[], 1, 150]);
  });

  test("who alone holds more than the ceiling is closed at once", () => {
    const closed: string[] = [];
    const stalls = new Stalls(200);
    stalls.hold(staller(closed, "a"), [block(201)]);
    assert.deepEqual([closed, stalls.size, stalls.bytes], [["a"], 0, 0]);
  });
});

describe("what a session holds", () => {
  const LARGE = 30_000;

  test("is what its socket was given since it was empty: the segments, not the items", async () => {
    const it = await world();
    const { channel } = it.open(it.feed.at, (channel) => {
      channel.writesLeft = 1;
    });
    await it.append(1, LARGE);
    await turns();
    // Nothing more is to come, and still it holds what it was given.
    assert.deepEqual([it.stalls.size, it.stalls.bytes], [1, channel.pinnedBytes]);
    assert.ok(channel.pinnedBytes >= LARGE);
    channel.unblock(1);
    assert.deepEqual([it.stalls.size, it.stalls.bytes], [0, 0]);
    await it.end();
  });

  test("grows while its socket is not empty, and begins anew once it was", async () => {
    const it = await world();
    const { channel } = it.open(it.feed.at, (channel) => {
      channel.keeping = true;
    });
    // Into two segments, and less than a socket takes before it is called full.
    for (let i = 0; i < 3; i += 1) {
      await it.append(1, 5_000);
      await turns();
    }
    assert.equal(channel.pinned.size, 2);
    await it.append(1, LARGE);
    await turns();
    assert.equal(it.stalls.bytes, channel.pinnedBytes);
    channel.unblock();
    await it.append(1, 100);
    await turns();
    channel.empty();
    await it.append(1, LARGE);
    await turns();
    assert.deepEqual([it.stalls.size, it.stalls.bytes], [1, channel.pinnedBytes]);
    await it.end();
  });

  test("does not go by its being stopped, but with the connection", async () => {
    const it = await world();
    const { channel, session } = it.open(it.feed.at, (channel) => {
      channel.keeping = true;
    });
    await it.append(1, 100);
    await turns();
    assert.equal(it.stalls.size, 0, "a socket that is not full is not stalled");
    session.stop();
    assert.deepEqual([it.stalls.size, it.stalls.bytes], [1, channel.pinnedBytes]);
    channel.empty();
    session.stop();
    assert.deepEqual([it.stalls.size, it.stalls.bytes], [0, 0]);
    await it.end();
  });

  test("is bounded: the longest-stalled are closed, and all others get everything", async () => {
    const ceiling = 4 * SEGMENT_BYTES;
    const it = await world({}, true, ceiling);
    const reader = it.open(it.feed.at);
    const stalled: ReturnType<typeof it.open>[] = [];
    // Each stalls in a segment of its own.
    for (let i = 0; i < 12; i += 1) {
      stalled.push(
        it.open(it.feed.at, (channel) => {
          channel.writesLeft = 1;
        }),
      );
      await it.append(2, LARGE);
      await turns();
      assert.ok(it.stalls.bytes <= ceiling);
    }
    const closed = stalled.map(({ channel }) => channel.overruns);
    assert.ok(closed.includes(1) && closed.includes(0), `${closed}`);
    assert.deepEqual(closed, closed.toSorted().toReversed(), "who stalled first goes first");
    for (const { channel, session } of stalled) {
      assert.deepEqual(channel.violations, []);
      if (channel.overruns > 0) assert.equal(session.state, "stopped");
      else channel.unblock();
    }
    await turns();
    const upTo24 = Array.from({ length: 24 }, (_, i) => i + 1);
    assert.deepEqual(numbers(reader.channel.items), upTo24);
    for (const [i, { channel, session }] of stalled.entries()) {
      if (session.state === "stopped") continue;
      assert.deepEqual(numbers(channel.items), upTo24.slice(2 * i));
    }
    await it.end();
  });
});
