import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Id, numberOf } from "../../src/protocol/ids.js";
import { Balancer } from "../support/balancer.js";
import { Fleet, post, readJournal, webSocketUrl } from "../support/fleet.js";
import { http } from "../support/http.js";
import { EventReader, everybody, LibraryReader, type Reader, TextReader } from "../support/readers.js";
import { RedisServer } from "../support/redis.js";

/** Items before the moment that Redis goes back to, and those it then loses. */
const KEPT = 5;
const LOST = 4;

interface Losable {
  readonly url: string;
  /** Called when it holds what will be left. */
  remember(): Promise<void>;
  lose(): Promise<void>;
  /** How many items it holds then. */
  readonly left: number;
}

async function redis(t: TestContext): Promise<RedisServer> {
  const server = await RedisServer.start();
  t.after(() => server.remove());
  return server;
}

async function emptied(t: TestContext): Promise<Losable> {
  const server = await redis(t);
  return {
    url: server.url,
    remember: async () => {},
    lose: async () => void (await server.command("FLUSHALL")),
    left: 0,
  };
}

async function restored(t: TestContext): Promise<Losable> {
  const server = await redis(t);
  const [dump, copy] = [join(server.directory, "dump.rdb"), join(server.directory, "old.rdb")];
  return {
    url: server.url,
    async remember() {
      await server.command("SAVE");
      await copyFile(dump, copy);
    },
    async lose() {
      await server.stop();
      await copyFile(copy, dump);
      await server.start();
    },
    left: KEPT,
  };
}

/** A replica is promoted that had lost its master before. Whoever connects is sent to the master of the day. */
async function failedOver(t: TestContext): Promise<Losable> {
  const [master, replica, front] = [await redis(t), await redis(t), await Balancer.start(t)];
  await replica.follow(master);
  front.add(master.port);
  return {
    url: `redis://127.0.0.1:${front.url.port}`,
    async remember() {
      // It has what the master has: then it hears no more of it.
      await replica.caughtUp(master);
      await replica.command("REPLICAOF", "NO", "ONE");
    },
    async lose() {
      front.add(replica.port);
      front.remove(master.port);
      await master.kill();
    },
    left: KEPT,
  };
}

/** Publishes as often as it takes, as clients do. */
async function publish(url: URL, number: number): Promise<Id> {
  let answer = await post(url, number);
  for (; answer.status === 503; answer = await post(url, number)) await sleep(20);
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body).id;
}

/** The numbers that a reader was given on its sockets, in order. */
function numbersOf({ tap }: Reader): readonly number[] {
  return tap.sightings.flatMap((seen) => (seen.type === "item" ? [JSON.parse(seen.data).number] : []));
}

describe("Redis has lost what clients have seen: all are told", { timeout: 120_000 }, () => {
  for (const [how, make] of [
    ["emptied", emptied],
    ["restored from an older copy", restored],
    ["failed over to a replica that had lost its master", failedOver],
  ] as const) {
    test(how, async (t) => {
      const journal = await make(t);
      const fleet = await Fleet.start(t, 2, { JOURNAL_URL: journal.url });
      const [one, other] = fleet.replicas;
      assert.ok(one !== undefined && other !== undefined);
      const urls = [one.url, other.url];
      const library = urls.map((url) => new LibraryReader(webSocketUrl(url), "oldest", { gaps: true }));
      const events = urls.map((url) => new EventReader(url));
      const readers = [...library, ...events];
      t.after(() => Promise.all(readers.map((reader) => reader.close())));
      await everybody(readers, (reader) => reader.saw("hello"));
      let last: Id = "0-00000000";
      for (let number = 1; number <= KEPT; number += 1) last = await publish(one.url, number);
      await journal.remember();
      const texts = urls.map((url) => new TextReader(webSocketUrl(url)));
      t.after(() => Promise.all(texts.map((reader) => reader.close())));
      let number = KEPT;
      // At least so many; and until text clients were given one.
      while (number < KEPT + LOST || texts.some(({ moments }) => moments.length === 0)) {
        number += 1;
        last = await publish(other.url, number);
      }
      await everybody([...readers, ...texts], (reader) => reader.reached(number));
      const kept = Array.from({ length: number }, (_, i) => i + 1);

      await journal.lose();
      // Nothing is published meanwhile: who is live is told all the same.
      await everybody(readers, (reader) => reader.saw("gap"));
      await everybody(texts, (reader) => reader.saw("close"));
      const { head } = await readJournal(fleet.url);
      assert.equal(head, journal.left);

      // One that was away with a cursor of then.
      const away = new LibraryReader(fleet.ws, last, { gaps: true });
      t.after(() => away.close());
      const late = await away.gap();
      assert.deepEqual([late.after, late.reason, numberOf(late.cursor)], [last, "replaced", head]);
      const refused = await http(new URL(`/items?after=${last}`, other.url));
      assert.deepEqual([refused.status, JSON.parse(refused.body).reason], [410, "replaced"]);

      // The numbers that are used again are those of other items.
      const next = Array.from({ length: LOST + 2 }, (_, i) => number + 1 + i);
      for (const [i, one] of next.entries()) await publish(urls[i % 2] ?? fleet.url, one);
      await everybody([...readers, away], (reader) => reader.reached(number + LOST + 2));
      for (const reader of readers) {
        assert.deepEqual(numbersOf(reader), [...kept, ...next]);
        const gaps = reader.tap.sightings.flatMap((seen) => (seen.type === "gap" ? [seen] : []));
        assert.deepEqual(
          gaps.map(({ reason, cursor }) => [reason, numberOf(cursor)]),
          [["replaced", head]],
        );
      }
      for (const { items, gaps, tap } of library) {
        assert.deepEqual(
          items.map(({ data }) => JSON.parse(data).number),
          [...kept, ...next],
        );
        assert.deepEqual(
          gaps.map(({ after, reason, cursor }) => [after, reason, numberOf(cursor)]),
          [[last, "replaced", head]],
        );
        // On the connection it had all along.
        assert.ok(tap.sightings.every(({ socket }) => socket === 0));
      }
      assert.deepEqual(numbersOf(away), next);
      // Text clients are sent away: there are no words for it in what they speak.
      for (const { tap } of texts) {
        const seen = tap.sightings.filter(({ socket }) => socket === 0).map(({ type }) => type);
        assert.match(seen.join(" "), /^(item )+close end$/);
        assert.ok(tap.sightings.some((one) => one.type === "end" && one.socket === 0 && one.code === 1012));
      }
    });
  }

  test("and items are published at that very moment", async (t) => {
    const journal = await restored(t);
    const fleet = await Fleet.start(t, 2, { JOURNAL_URL: journal.url });
    const library = fleet.replicas.map(({ url }) => new LibraryReader(webSocketUrl(url), "oldest", { gaps: true }));
    t.after(() => Promise.all(library.map((reader) => reader.close())));
    for (let number = 1; number <= KEPT; number += 1) await publish(fleet.url, number);
    await journal.remember();
    for (let number = KEPT + 1; number <= KEPT + LOST; number += 1) await publish(fleet.url, number);
    await everybody(library, (reader) => reader.reached(KEPT + LOST));
    // Soon there are more than there were, so that a comparison of numbers alone would find nothing wrong.
    const told = Promise.all(library.map((reader) => reader.gap()));
    let lost = false;
    const lose = journal.lose().then(() => {
      lost = true;
    });
    let number = 100;
    for (; !lost || library.some(({ gaps }) => gaps.length === 0); number += 1) await publish(fleet.url, number);
    await Promise.all([lose, told]);
    await publish(fleet.url, number);
    await everybody(library, (reader) => reader.reached(number));
    const truth = await readJournal(fleet.url);
    for (const { items, gaps } of library) {
      // Told once, and from there on everything in order; nothing in between passes as something else.
      assert.equal(gaps.length, 1);
      const after = numberOf(gaps[0]?.cursor ?? "0-00000000");
      const rest = items.slice(items.findLastIndex(({ id }) => id === gaps[0]?.after) + 1);
      assert.deepEqual(rest, truth.entries.slice(after));
      assert.equal(gaps[0]?.reason, "replaced");
    }
  });
});
