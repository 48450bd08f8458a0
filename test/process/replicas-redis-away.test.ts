import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Id } from "../../src/protocol/ids.js";
import { Fleet, post, readJournal, untilReady, webSocketUrl } from "../support/fleet.js";
import { http } from "../support/http.js";
import { judgeFrames, judgeGiven, judgeJournal, judgeText } from "../support/ledger.js";
import { EventReader, everybody, LibraryReader, TextReader } from "../support/readers.js";
import { DURABLE, RedisServer } from "../support/redis.js";
import type { Env, Service } from "../support/service.js";
import { V1Socket } from "../support/v1-socket.js";

const GRACE_SECONDS = 4;
/** What was refused for seconds is not to be sent again half a minute later. */
const BACKOFF = { maxMs: 1_000 };
/** Between two looks at something, ms. */
const LOOK_MS = 20;

/** A way to be away. */
interface Way {
  readonly how: string;
  leave(redis: RedisServer): Promise<void>;
  back(redis: RedisServer): Promise<void>;
}

const STOPPED: Way = { how: "stopped", leave: (redis) => redis.stop(), back: (redis) => redis.start() };
/** Connections stay, and nothing answers on them. */
const FROZEN: Way = {
  how: "standing still",
  leave: async (redis) => redis.freeze(),
  back: async (redis) => redis.thaw(),
};

/** Two replicas on a Redis of their own, a publisher, and what was acked to it. */
async function setUp(t: TestContext, env: Env = {}) {
  const redis = await RedisServer.start(DURABLE);
  t.after(() => redis.remove());
  const fleet = await Fleet.start(t, 2, {
    JOURNAL_URL: redis.url,
    DEPENDENCY_GRACE_SECONDS: `${GRACE_SECONDS}`,
    DRAIN_STAGGER_SECONDS: "0.5",
    CLOSE_TIMEOUT_SECONDS: "3",
    ...env,
  });
  const [one, other] = fleet.replicas;
  assert.ok(one !== undefined && other !== undefined);
  const acked = new Map<string, Id>();
  /** Tries as long as the journal is away. */
  const publish = async (url: URL, number: number) => {
    let answer = await post(url, number);
    for (; answer.status === 503; answer = await post(url, number)) await sleep(LOOK_MS);
    // What a Redis that stood still was sent may have been executed when it went on: then the key is known.
    assert.ok(answer.status === 201 || answer.status === 200, answer.body);
    acked.set(JSON.stringify({ number }), JSON.parse(answer.body).id);
  };
  return { redis, fleet, one, other, acked, publish };
}

type Crowd = ReturnType<typeof crowd>;

/** One client of each kind at each of these. */
function crowd(t: TestContext, urls: readonly URL[]) {
  const library = urls.map((url) => new LibraryReader(webSocketUrl(url), "oldest", { backoff: BACKOFF }));
  const events = urls.map((url) => new EventReader(url));
  const texts = urls.map((url) => new TextReader(webSocketUrl(url)));
  const readers = [...library, ...events, ...texts];
  t.after(() => Promise.all(readers.map((reader) => reader.close())));
  return { library, events, texts, readers };
}

/** Text clients are there when they are given something, so items are published until they are; gives how many. */
async function untilAllThere({ library, events, texts, readers }: Crowd, publish: (number: number) => Promise<void>) {
  await everybody([...library, ...events], (reader) => reader.saw("hello"));
  let number = 0;
  while (texts.some(({ moments }) => moments.length === 0)) {
    number += 1;
    await publish(number);
  }
  await everybody(readers, (reader) => reader.reached(number));
  return number;
}

/** When it was found that the journal is away: ms since the Unix epoch. */
async function noticedAt(service: Service): Promise<number> {
  const { time } = await service.logged("Dependency checked", ({ level }) => level === "warn");
  return Date.parse(time);
}

// Each of them waits most of the time, for one thing or another to be noticed.
describe("Redis is away, and clients are not", { timeout: 120_000, concurrency: true }, () => {
  for (const { how, leave, back } of [STOPPED, FROZEN]) {
    test(`${how}: they stay, publishes are refused, /ready says so after its grace; then all goes on`, async (t) => {
      const { redis, fleet, one, acked, publish } = await setUp(t);
      const clients = crowd(
        t,
        fleet.replicas.map(({ url }) => url),
      );
      const { library, events, texts, readers } = clients;
      const before = await untilAllThere(clients, (number) => publish(fleet.url, number));
      const socket = await V1Socket.open(t, webSocketUrl(one.url));

      await leave(redis);
      const refused = await post(one.url, before + 1);
      assert.deepEqual([refused.status, JSON.parse(refused.body).code], [503, "journal_unavailable"]);
      const key = `number/${before + 2}`;
      socket.send({ type: "publish", key, data: { number: before + 2 } });
      const { code, retryable } = await socket.message("error", { key });
      assert.deepEqual([code, retryable], ["journal_unavailable", true]);
      // The library keeps at it.
      const pending = library[0]?.client.publish({ number: before + 3 });

      const since = await noticedAt(one);
      let ready = await http(new URL("/ready", one.url));
      for (; ready.status === 200; ready = await http(new URL("/ready", one.url))) {
        assert.equal((await http(new URL("/health", one.url))).status, 200);
        await sleep(LOOK_MS);
      }
      // The log's clock and the one that counts round differently.
      assert.ok(Date.now() - since >= GRACE_SECONDS * 1_000 - 50, `after ${Date.now() - since} ms`);
      assert.equal(JSON.parse(ready.body).reason, "dependencies_unavailable");
      assert.equal((await http(new URL("/health", one.url))).status, 200);

      await back(redis);
      await Promise.all(fleet.replicas.map((replica) => untilReady(replica, 200)));
      assert.ok(pending !== undefined);
      acked.set(JSON.stringify({ number: before + 3 }), await pending);
      for (const number of [before + 1, before + 2, before + 4]) await publish(one.url, number);
      const truth = await readJournal(fleet.url);
      const last = truth.entries.at(-1)?.data ?? "";
      await everybody(readers, (reader) => reader.stands(last));

      assert.deepEqual(judgeJournal(truth, acked), []);
      for (const { items, tap } of library) {
        assert.deepEqual(judgeGiven(items, 0, truth), []);
        assert.deepEqual(judgeFrames(tap.sightings, truth, { overlap: true }).faults, []);
      }
      for (const { tap } of events) assert.deepEqual(judgeFrames(tap.sightings, truth, { overlap: false }).faults, []);
      for (const { tap } of texts)
        assert.deepEqual(
          judgeText(tap.sightings, truth, () => 0),
          [],
        );
      // On the connections they had all along.
      for (const { tap } of readers)
        assert.ok(tap.sightings.every(({ socket, type }) => socket === 0 && type !== "end"));
      assert.ok(socket.messages.every(({ type }) => type !== "gap" && type !== "close"));
    });
  }

  for (const { way, noticed, finish, expected } of [
    { way: STOPPED, noticed: true, finish: "5", expected: { code: 0, errors: [] } },
    { way: FROZEN, noticed: true, finish: "10", expected: { code: 0, errors: [] } },
    // Whether the journal holds more for text clients could not be asked, and this the process does not pass over.
    { way: FROZEN, noticed: false, finish: "1", expected: { code: 1, errors: ["finish took longer than 1000 ms"] } },
  ]) {
    const { how, leave, back } = way;
    test(`${how}${noticed ? ", as is known" : ""}: a drain ends in time, and cursors go on elsewhere`, async (t) => {
      const { redis, fleet, one, other, acked, publish } = await setUp(t, { FINISH_TIMEOUT_SECONDS: finish });
      // All of them come to the one that will go.
      fleet.balancer.remove(Number(other.url.port));
      const clients = crowd(t, [fleet.url, fleet.url, fleet.url]);
      const before = await untilAllThere(clients, (number) => publish(one.url, number));
      fleet.balancer.add(Number(other.url.port));

      await leave(redis);
      if (noticed) await noticedAt(one);
      fleet.balancer.remove(Number(one.url.port));
      one.signal("SIGTERM");
      const { code, receipt } = await one.ended();
      assert.equal(receipt.deadlineReached, false);
      assert.ok(receipt.budgetLeftMs > 0);
      // Everybody had what this process had seen of the journal.
      const { told, flushed, left, cut } = receipt.clients;
      assert.deepEqual({ told, flushed, left, cut }, { told: 9, flushed: 9, left: 9, cut: 0 });
      assert.deepEqual({ code, errors: receipt.errors }, expected);

      await back(redis);
      await publish(other.url, before + 1);
      const { library, events } = clients;
      await everybody([...library, ...events], (reader) => reader.reached(before + 1));
      const truth = await readJournal(fleet.url);
      assert.deepEqual(judgeJournal(truth, acked), []);
      for (const { items } of library) assert.deepEqual(judgeGiven(items, 0, truth), []);
      // With nowhere to hand over to, one cannot make before one breaks.
      for (const { tap } of [...library, ...events]) {
        assert.deepEqual(judgeFrames(tap.sightings, truth, { overlap: false }).faults, []);
      }
    });
  }
});
