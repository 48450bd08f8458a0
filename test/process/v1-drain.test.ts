import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Id, numberOf } from "../../src/protocol/ids.js";
import { folder, readJournal, webSocketUrl } from "../support/fleet.js";
import { http } from "../support/http.js";
import { type Env, Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { type Message, V1Socket } from "../support/v1-socket.js";
import { assertClean, assertFarewell, clientsOf, everybodyLeft } from "./farewell.js";

const FINALS = 3;
const CLOSE_MS = 1_000;

/** Two services on one journal, one to leave and one to go to; nothing but the last items comes by itself. */
async function pair(t: TestContext, env: Env = {}): Promise<readonly [Service, Service]> {
  const shared = { JOURNAL_URL: `lmdb:${await folder(t)}`, FEED_INTERVAL_SECONDS: "86400" };
  const own: Env = { ...shared, CLOSE_TIMEOUT_SECONDS: `${CLOSE_MS / 1_000}`, ...env };
  return Promise.all([Service.start(t, own), Service.start(t, shared)]);
}

function open(t: TestContext, { url }: Service, start?: Message): Promise<V1Socket> {
  return V1Socket.open(t, webSocketUrl(url), start);
}

const idOf = ({ id }: Message) => String(id) as Id;
const finals = (socket: V1Socket) => socket.items.filter(({ data }) => /^Final data: /.test(String(data)));

/** What a v1 client is owed that stays: shutdown, all items, its cursor, 1012, and nothing more. */
async function assertTold(socket: V1Socket, closesInMs: number): Promise<void> {
  assert.equal((await socket.closed).code, 1012);
  assert.deepEqual(
    socket.types.filter((type) => type !== "item"),
    ["hello", "shutdown", "close"],
  );
  assert.equal(socket.types.at(-1), "close");
  const [shutdown, close] = [socket.ofType("shutdown")[0], socket.ofType("close")[0]];
  const { reconnectInMs, closesInMs: told } = shutdown ?? {};
  assert.ok(typeof reconnectInMs === "number" && typeof told === "number");
  // What passed between the announcement and the message is taken off.
  assert.ok(reconnectInMs >= 0 && reconnectInMs <= told && told <= closesInMs && told > 0);
  assert.equal(finals(socket).length, FINALS);
  assert.deepEqual(close, { type: "close", cursor: socket.items.at(-1)?.["id"] });
}

describe("SIGTERM with clients of lastcall.v1", { timeout: 60_000 }, () => {
  for (const { size, stagger } of [
    { size: 1, stagger: 0 },
    { size: 50, stagger: 500 },
  ]) {
    test(`${size} that stay: told, given the last items, closed with their cursor`, async (t) => {
      const service = await Service.start(t, {
        DRAIN_STAGGER_SECONDS: `${stagger / 1_000}`,
        CLOSE_TIMEOUT_SECONDS: `${CLOSE_MS / 1_000}`,
        FEED_INTERVAL_SECONDS: "86400",
      });
      const sockets = await Promise.all(Array.from({ length: size }, () => open(t, service)));
      service.signal("SIGTERM");
      for (const socket of sockets) await assertTold(socket, stagger + CLOSE_MS / 2);
      const slots = sockets.map((socket) => Number(socket.ofType("shutdown")[0]?.["reconnectInMs"]));
      slots.sort((a, b) => a - b);
      // Each has a share of the time for itself, and a place somewhere in it.
      for (const [i, slot] of slots.entries()) assert.ok(slot <= ((i + 1) * stagger) / size + 1, `${slots}`);
      assert.ok(new Set(slots).size > size / 2 || size === 1, `not spread: ${slots}`);
      const end = await service.ended();
      assertClean(end);
      assert.equal(end.receipt.finals, FINALS);
      assert.deepEqual(clientsOf(end.receipt), everybodyLeft(size));
      assert.equal(end.receipt.clients.items, size * FINALS);
    });
  }

  test("those who open elsewhere leave by themselves, and between the two connections nothing is missing", async (t) => {
    // All slots are at once, and nobody is closed before a long time has passed: whoever goes, goes by itself.
    const [old, next] = await pair(t, { CLOSE_TIMEOUT_SECONDS: "20" });
    const publisher = await open(t, next);
    const before = await Promise.all(Array.from({ length: 10 }, () => open(t, old)));
    publisher.send({ type: "publish", key: "before", data: 1 });
    await Promise.all(before.map((socket) => socket.message("item", { data: 1 })));
    old.signal("SIGTERM");
    const after = await Promise.all(
      before.map(async (socket) => {
        await socket.message("shutdown");
        const cursor = socket.items.at(-1)?.["id"];
        const moved = await open(t, next, { after: cursor });
        assert.equal((await moved.message("hello"))["cursor"], cursor);
        return moved;
      }),
    );
    publisher.send({ type: "publish", key: "between", data: 2 });
    await Promise.all([...before, ...after].map((socket) => socket.message("item", { data: 2 })));
    for (const socket of before) socket.close();
    const end = await old.ended();
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(10), flushed: 0, echoed: 0 });
    assert.equal(end.receipt.phases.find(({ phase }) => phase === "close")?.outcome, "completed");
    publisher.send({ type: "publish", key: "after", data: 3 });
    await Promise.all(after.map((socket) => socket.message("item", { data: 3 })));
    const truth = await readJournal(next.url);
    assert.equal(truth.entries.length, 3 + FINALS);
    for (const [i, socket] of after.entries()) {
      const first = before[i];
      assert.equal((await first?.closed)?.code, 1000);
      assert.ok(!first?.types.includes("close"), "it was not closed");
      const ids = [...(first?.items ?? []), ...socket.items].map(idOf);
      const gate = ids.filter((id, n) => ids.indexOf(id) === n).sort((a, b) => numberOf(a) - numberOf(b));
      assert.deepEqual(
        gate,
        truth.entries.map(({ id }) => id),
      );
      // Each of the two connections is in order by itself.
      for (const one of [first?.items ?? [], socket.items]) {
        const numbers = one.map(idOf).map(numberOf);
        assert.deepEqual(
          numbers,
          numbers.map((_, n) => (numbers[0] ?? 0) + n),
        );
      }
    }
  });

  test("what is published until the close is acked; what is not acked, sent again elsewhere, is there once", async (t) => {
    const [old, next] = await pair(t, { CLOSE_TIMEOUT_SECONDS: "0.6" });
    const socket = await open(t, old);
    let sent = 0;
    const publish = () => {
      sent += 1;
      const key = `${sent}`;
      socket.send({ type: "publish", key, data: { n: sent } });
      return key;
    };
    // Every ack brings one more: there are always some under way, in the drain too.
    for (let n = 0; n < 30; n += 1) publish();
    let over = false;
    const steady = (async () => {
      for (let n = 1; !over; n += 1) {
        await socket.nth("ack", n).catch(() => {});
        if (!over) publish();
      }
    })();
    await socket.nth("ack", 100);
    old.signal("SIGTERM");
    await socket.message("shutdown");
    // What it says now, it says to a server that has told it to go.
    await socket.message("ack", { key: publish() });
    assert.equal((await socket.closed).code, 1012);
    over = true;
    await steady;
    const end = await old.ended();
    assertClean(end);
    assert.deepEqual(end.receipt.publishes, { cut: 0 });
    assert.deepEqual(clientsOf(end.receipt), everybodyLeft(1));
    const acked = new Map(socket.ofType("ack").map(({ key, id }) => [String(key), id]));
    assert.deepEqual(socket.ofType("error"), []);
    assert.ok(acked.size < sent, "some were under way at the end");

    const again = await open(t, next);
    const keys = Array.from({ length: sent }, (_, i) => `${i + 1}`);
    for (const key of keys) again.send({ type: "publish", key, data: { n: Number(key) } });
    await again.nth("ack", sent);
    const resent = new Map(again.ofType("ack").map(({ key, id }) => [String(key), id]));
    for (const [key, id] of acked) assert.equal(resent.get(key), id, `the ack of ${key}`);
    const { entries } = await readJournal(next.url);
    const published = entries
      .filter(({ data }) => data.startsWith("{"))
      .map(({ id, data }) => [id, JSON.parse(data).n]);
    assert.equal(published.length, sent, "each once");
    for (const [id, n] of published) assert.equal(resent.get(`${n}`), id);
  });

  test("one that never reads is handed over, not cut: exit 0; elsewhere it gets what it has not had", async (t) => {
    const [old, next] = await pair(t, { MAX_ITEM_BYTES: "2000000" });
    const stuck = await open(t, old);
    const other = await open(t, old);
    stuck.pause();
    const body = JSON.stringify("x".repeat(1_000_000));
    const items = 24;
    for (let n = 0; n < items; n += 1) {
      const headers = { "idempotency-key": `${n}` };
      assert.equal((await http(new URL("/items", old.url), { method: "POST", headers, body })).status, 201);
    }
    await other.nth("item", items);
    old.signal("SIGTERM");
    await assertTold(other, CLOSE_MS / 2);
    const end = await old.ended();
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(1), told: 2, handedOver: 1 });
    const fates = old.all("Client disconnected").map(({ fate }) => fate);
    assert.deepEqual(fates, ["handed_over"]);

    const had = await stuck.message("hello");
    const moved = await open(t, next, { after: stuck.items.at(-1)?.["id"] ?? had["cursor"] });
    const owed = items + FINALS - stuck.items.length;
    await moved.nth("item", owed);
    assert.deepEqual(
      [...stuck.items, ...moved.items].map(idOf).map(numberOf),
      Array.from({ length: items + FINALS }, (_, i) => i + 1),
    );
    assert.ok(owed > FINALS, "it had not had everything");
  });

  test("together with text clients and one that goes by itself: each in its own way, each counted", async (t) => {
    const service = await Service.start(t, { CLOSE_TIMEOUT_SECONDS: "2", FEED_INTERVAL_SECONDS: "86400" });
    const [text, staying, leaving, rude, silent] = [
      await TextClient.open(t, service.url),
      await open(t, service),
      await open(t, service),
      await open(t, service),
      await V1Socket.connect(t, webSocketUrl(service.url)),
    ];
    service.signal("SIGTERM");
    await Promise.all([leaving, rude].map((socket) => socket.message("shutdown")));
    leaving.close();
    rude.destroy();
    await assertTold(staying, 1_000);
    assert.equal((await silent.closed).code, 1012);
    assert.deepEqual(silent.messages, [], "it never started, so it has no cursor and was told nothing");
    const end = await service.ended();
    assertFarewell(text, FINALS);
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), {
      ...everybodyLeft(3),
      told: 5,
      left: 4,
      gone: 1,
    });
  });
});
