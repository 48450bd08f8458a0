import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { type Id, makeId, numberOf } from "../../src/protocol/ids.js";
import { SEGMENT_BYTES } from "../../src/stream/frame-log.js";
import { Session } from "../../src/stream/session.js";
import { MAX_PINNED_BYTES } from "../../src/stream/stalls.js";
import { HIGH_WATER_MARK, STREAM, type TestChannel, turns, type World, world } from "./kit.js";

/** Where a session begins: so many items before the head of the journal of that moment. */
interface Place {
  readonly back: number;
  readonly forged: boolean;
}

type Step =
  | { readonly type: "append"; readonly count: number; readonly bytes: number }
  | { readonly type: "open"; readonly place: Place; readonly writes: number }
  | {
      readonly type: "block" | "unblock" | "keep" | "empty" | "stop" | "goOn" | "startAnew" | "reach";
      readonly which: number;
      readonly writes: number;
    }
  | { readonly type: "turn" | "hold" | "release" | "replace" | "loseFollower" | "time" };

const writes = fc.constantFrom(1, 2, 5, Number.POSITIVE_INFINITY);
const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const step: fc.Arbitrary<Step> = fc.oneof(
  weighted(
    8,
    fc.record({
      type: fc.constant("append" as const),
      count: fc.constantFrom(1, 1, 2, 7, 40),
      bytes: fc.constantFrom(10, 10, 500, 30_000),
    }),
  ),
  weighted(
    4,
    fc.record({
      type: fc.constant("open" as const),
      place: fc.record({
        back: fc.oneof(fc.constant(0), fc.nat({ max: 80 })),
        forged: fc.nat({ max: 9 }).map((n) => n === 0),
      }),
      writes,
    }),
  ),
  weighted(
    8,
    fc.record({
      type: fc.constantFrom("block", "unblock", "unblock", "keep", "empty", "stop", "goOn", "startAnew", "reach"),
      which: fc.nat(),
      writes,
    }),
  ),
  weighted(8, fc.record({ type: fc.constant("turn" as const) })),
  weighted(
    4,
    fc.record({ type: fc.constantFrom("hold", "release", "release", "replace", "loseFollower", "time" as const) }),
  ),
);

interface Client {
  readonly channel: TestChannel;
  session: Session;
  readonly from: Id;
  goals: number;
  stopped: boolean;
}

const isBehind = ({ session, channel, stopped }: Client): boolean =>
  session.state === "replaying" && !stopped && channel.overruns === 0;

/** What it was given is one walk from where it began: each item the next one, each gap told, all of it true. */
function checkWalk({ channel, session, from }: Client, history: ReadonlySet<Id>): void {
  assert.deepEqual(channel.violations, []);
  let at = from;
  for (const one of channel.given) {
    if (one.type === "arrived") continue;
    if (one.type === "gap") {
      assert.equal(one.after, at, "a gap after a place it was not at");
      at = one.cursor;
    } else {
      assert.equal(numberOf(one.id), numberOf(at) + 1, `${one.id} after ${at}`);
      assert.ok(history.has(one.id), `${one.id} was never appended`);
      at = one.id;
    }
  }
  assert.equal(session.cursor, at);
}

/**
 * What sockets hold: no more than the ceiling, and beside it what Node lets a socket keep without calling it full, and
 * the segments at the log's end that such bytes are a part of.
 */
function checkMemory(clients: readonly Client[], { stalls }: World, maxPinnedBytes: number): void {
  const bytes = pinnedBy(clients);
  const unheard = clients.length * HIGH_WATER_MARK + 3 * SEGMENT_BYTES;
  assert.ok(bytes <= maxPinnedBytes + unheard, `${bytes} bytes held, of ${maxPinnedBytes} allowed`);
  const stalled = pinnedBy(clients.filter(({ channel, stopped }) => channel.blocked || stopped));
  assert.ok(stalls.bytes >= stalled, `${stalled} bytes held by the stalled, said to be ${stalls.bytes}`);
}

function pinnedBy(clients: readonly Client[]): number {
  const pinned = new Set(clients.flatMap(({ channel }) => [...channel.pinned]));
  return [...pinned].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

async function take(one: Step, it: World, clients: Client[], all: Id[]): Promise<void> {
  switch (one.type) {
    case "append":
      all.push(...(await it.append(one.count, one.bytes)));
      return;
    case "open": {
      const from = await place(one.place, it, all);
      const { channel, session } = it.open(from, (channel) => {
        channel.writesLeft = one.writes;
      });
      clients.push({ channel, session, from, goals: 0, stopped: false });
      return;
    }
    case "turn":
      await turn();
      return;
    case "hold":
      return it.journal.hold();
    case "release":
      return it.journal.release();
    case "replace":
      return it.journal.replace();
    case "loseFollower":
      return it.journal.loseFollowers();
    case "time":
      return it.clock.advance(1_000);
    default: {
      const client = clients[one.which % Math.max(1, clients.length)];
      if (client === undefined) return;
      const { channel, session } = client;
      // A closed connection does nothing more.
      if (channel.overruns > 0) return;
      if (one.type === "block") channel.blocked = true;
      else if (one.type === "unblock") channel.unblock(one.writes);
      else if (one.type === "keep") channel.keeping = true;
      else if (one.type === "empty") channel.empty();
      else if (one.type === "reach") {
        if (client.goals !== channel.arrivals || client.stopped) return;
        client.goals += 1;
        session.reach(it.mark(numberOf(it.feed.at)));
      } else {
        session.stop();
        client.stopped = one.type === "stop";
        if (one.type === "goOn") session.start();
        else if (one.type === "startAnew") {
          client.session = new Session(it.feed, channel, session.cursor);
          channel.session = client.session;
          client.goals = channel.arrivals;
          client.session.start();
        }
      }
    }
  }
}

async function place({ back, forged }: Place, it: World, all: readonly Id[]): Promise<Id> {
  const head = await it.journal.head(STREAM);
  if (forged) return makeId(Math.max(0, numberOf(head) - back), "forged00");
  return back === 0 ? head : (all.at(-1 - back) ?? head);
}

test("whatever sockets, journal and follower do: one walk for each session, and at rest all are at the head", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 0, 25, 60),
      fc.boolean(),
      fc.constantFrom(SEGMENT_BYTES, 3 * SEGMENT_BYTES, MAX_PINNED_BYTES),
      fc.array(step, { maxLength: 60 }),
      async (retentionItems, following, maxPinnedBytes, steps) => {
        const it = await world({ retentionItems }, following, maxPinnedBytes);
        const clients: Client[] = [];
        const all: Id[] = [];
        for (const one of steps) {
          await take(one, it, clients, all);
          const history = new Set(all);
          for (const client of clients) checkWalk(client, history);
          checkMemory(clients, it, maxPinnedBytes);
        }
        // Rest: everybody takes everything, the journal answers, and nothing is appended to wake anyone.
        if (!following) it.follow();
        it.journal.release();
        for (const { channel } of clients) {
          channel.keeping = false;
          channel.unblock();
        }
        await turns(10);
        await it.clock.advance(5_000);
        await turns(30);
        // A page takes a turn, and holds no more than two of the large items, of which there may be two thousand.
        for (let left = 40; left > 0 && clients.some(isBehind); left -= 1) await turns(30);
        const head = await it.journal.head(STREAM);
        assert.equal(it.feed.at, head);
        const history = new Set(all);
        for (const client of clients) {
          checkWalk(client, history);
          const { channel, session, stopped, goals } = client;
          if (stopped || channel.overruns > 0) continue;
          assert.deepEqual([session.state, session.cursor], ["live", head]);
          assert.equal(channel.arrivals, goals);
        }
        assert.equal(
          it.feed.line(it.encoding).pump.size,
          clients.filter(({ stopped, channel }) => !stopped && channel.overruns === 0).length,
          "the pump visits the live ones and nobody else",
        );
        for (const { session, channel } of clients) {
          channel.unblock();
          session.stop();
        }
        assert.deepEqual([it.feed.used, it.stalls.size, it.stalls.bytes], [false, 0, 0]);
        await it.end();
      },
    ),
    { numRuns: 1_000 },
  );
});
