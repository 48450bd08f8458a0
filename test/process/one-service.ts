import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Id } from "../../src/protocol/ids.js";
import { Fleet, post, readJournal, webSocketUrl } from "../support/fleet.js";
import { type Fault, judgeFrames, judgeGiven, judgeJournal, judgeText } from "../support/ledger.js";
import { EventReader, everybody, LibraryReader, TextReader } from "../support/readers.js";
import { V1Socket } from "../support/v1-socket.js";

/** That replicas on one journal are one service. */
export function oneService(backend: string, journal: (t: TestContext) => Promise<string>): void {
  test(`${backend}: what is published to one replica reaches the clients of all, in one order`, async (t) => {
    const fleet = await Fleet.start(t, 3, { JOURNAL_URL: await journal(t) });
    const urls = fleet.replicas.map(({ url }) => url);
    const library = urls.map((url) => new LibraryReader(webSocketUrl(url), "oldest"));
    const events = urls.map((url) => new EventReader(url));
    const texts = urls.map((url) => new TextReader(webSocketUrl(url)));
    const readers = [...library, ...events, ...texts];
    t.after(() => Promise.all(readers.map((reader) => reader.close())));
    const acked = new Map<string, Id>();
    const publish = async (url: URL, number: number) => {
      const { status, body } = await post(url, number);
      assert.equal(status, 201, body);
      acked.set(JSON.stringify({ number }), JSON.parse(body).id);
    };
    await everybody([...library, ...events], (reader) => reader.saw("hello"));
    // Text clients are there when they are given something.
    await publish(fleet.url, 1);
    let number = 1;
    for (const reader of texts) {
      while (reader.moments.length === 0) {
        number += 1;
        await publish(fleet.url, number);
      }
    }
    // All replicas at once.
    await Promise.all(
      urls.map(async (url, i) => {
        for (let n = 1; n <= 60; n += 1) await publish(url, number + 3 * n + i);
      }),
    );
    const truth = await readJournal(fleet.url);
    assert.equal(truth.head, acked.size);
    const last = truth.entries.at(-1)?.data ?? "";
    await everybody(readers, (reader) => reader.stands(last));
    const faults: Fault[] = [...judgeJournal(truth, acked)];
    for (const { items, tap } of library) {
      faults.push(...judgeGiven(items, 0, truth), ...judgeFrames(tap.sightings, truth, { overlap: true }).faults);
    }
    for (const { tap } of events) faults.push(...judgeFrames(tap.sightings, truth, { overlap: false }).faults);
    for (const { tap } of texts) faults.push(...judgeText(tap.sightings, truth, () => 0));
    assert.deepEqual(faults, []);
    // The journal did mix them: else this would show nothing.
    const from = truth.entries.slice(-180).map(({ data }) => JSON.parse(data).number % 3);
    assert.ok(from.filter((one, i) => one !== from[i - 1]).length > 3, `in blocks: ${from.join("")}`);
  });

  test(`${backend}: a client may come back to any replica, with any kind of cursor`, async (t) => {
    const fleet = await Fleet.start(t, 3, { JOURNAL_URL: await journal(t) });
    const library = new LibraryReader(fleet.ws, "oldest", { backoff: { firstMs: 100 } });
    const events = new EventReader(fleet.url);
    t.after(() => Promise.all([library.close(), events.close()]));
    await everybody([library, events], (reader) => reader.saw("hello"));
    const ports = fleet.replicas.map(({ url }) => Number(url.port));
    const acked = new Map<string, Id>();
    for (let number = 1; number <= 12; number += 1) {
      const port = ports[number % 3] ?? 0;
      const other = fleet.replicas[(number + 1) % 3]?.url ?? fleet.url;
      // Each time they have one replica to go to, another one than before; and miss an item meanwhile.
      for (const one of ports) fleet.balancer.remove(one);
      fleet.balancer.drop();
      const { body } = await post(other, number);
      acked.set(JSON.stringify({ number }), JSON.parse(body).id);
      fleet.balancer.add(port);
      await everybody([library, events], (reader) => reader.reached(number));
    }
    const truth = await readJournal(fleet.url);
    assert.deepEqual(
      [
        ...judgeJournal(truth, acked),
        ...judgeGiven(library.items, 0, truth),
        ...judgeFrames(library.tap.sightings, truth, { overlap: true }).faults,
        ...judgeFrames(events.tap.sightings, truth, { overlap: false }).faults,
      ],
      [],
    );
    assert.ok(library.tap.sightings.filter(({ type }) => type === "hello").length >= 12);
  });

  test(`${backend}: a key that one replica took is known to all`, async (t) => {
    const fleet = await Fleet.start(t, 2, { JOURNAL_URL: await journal(t) });
    const [a, b] = fleet.replicas;
    assert.ok(a !== undefined && b !== undefined);
    const first = await post(a.url, 1);
    const again = await post(b.url, 1);
    assert.deepEqual([first.status, again.status], [201, 200]);
    assert.equal(again.body, first.body);
    const socket = await V1Socket.open(t, webSocketUrl(b.url));
    socket.send({ type: "publish", key: "number/1", data: { number: 1 } });
    assert.equal((await socket.message("ack", { key: "number/1" }))["id"], JSON.parse(first.body).id);
    socket.send({ type: "publish", key: "number/1", data: { number: 2 } });
    const { code, retryable } = await socket.message("error", { key: "number/1" });
    assert.deepEqual([code, retryable], ["key_reused", false]);
    assert.equal((await readJournal(fleet.url)).head, 1);
  });
}
