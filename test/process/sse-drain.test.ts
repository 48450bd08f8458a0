import assert from "node:assert/strict";
import { Agent } from "node:http";
import { describe, type TestContext, test } from "node:test";
import { isId, numberOf } from "../../src/protocol/ids.js";
import { EventsClient, type EventsOptions } from "../support/events-client.js";
import { folder, readJournal } from "../support/fleet.js";
import { http } from "../support/http.js";
import { ask } from "../support/raw-socket.js";
import { type Env, Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell, clientsOf, everybodyLeft } from "./farewell.js";

const FINALS = 3;
/** Nothing but the last items comes by itself. */
const QUIET: Env = { FEED_INTERVAL_SECONDS: "86400" };

function open(t: TestContext, { url }: Service, options?: EventsOptions): Promise<EventsClient> {
  return EventsClient.open(t, new URL("/events", url), options);
}

async function post({ url }: Service, data: unknown): Promise<string> {
  const { status, body } = await http(new URL("/items", url), { method: "POST", body: JSON.stringify(data) });
  assert.equal(status, 201, body);
  return JSON.parse(body).id;
}

const numbers = (clients: readonly EventsClient[]) =>
  clients.flatMap(({ ids }) => ids).map((id) => (isId(id) ? numberOf(id) : Number.NaN));

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

/** What an SSE client is owed: shutdown, the last items, its cursor, and the whole response's end. */
async function assertTold(client: EventsClient): Promise<void> {
  assert.equal(await client.ended, "whole");
  const types = client.events.map(({ type }) => type);
  const farewell = types.slice(types.indexOf("shutdown"));
  assert.deepEqual(farewell, ["shutdown", ...Array.from({ length: FINALS }, () => "message"), "close"]);
  assert.equal(types.filter((type) => type !== "message").length, 2);
  const { reconnectInMs, closesInMs } = JSON.parse(client.ofType("shutdown")[0]?.data ?? "");
  assert.ok(reconnectInMs >= 0 && reconnectInMs <= closesInMs);
  const last = client.items.slice(-FINALS);
  for (const [i, { data }] of last.entries()) assert.match(data, new RegExp(`^"Final data: \\S+ - ${i + 1}"$`));
  const cursor = last.at(-1)?.lastEventId;
  assert.deepEqual(JSON.parse(client.ofType("close")[0]?.data ?? ""), { type: "close", cursor });
  assert.equal(client.parser.lastEventId, cursor, "the words of the drain move no cursor");
}

describe("SIGTERM with clients of server-sent events", { timeout: 60_000 }, () => {
  for (const { size, stagger } of [
    { size: 1, stagger: "0" },
    { size: 50, stagger: "0.5" },
  ]) {
    test(`${size} connected, spread over ${stagger} s: told, given the last items, closed with their cursor`, async (t) => {
      const service = await Service.start(t, { ...QUIET, DRAIN_STAGGER_SECONDS: stagger });
      const clients = await Promise.all(Array.from({ length: size }, () => open(t, service)));
      await post(service, "before");
      await Promise.all(clients.map((client) => client.item()));
      service.signal("SIGTERM");
      for (const client of clients) {
        await assertTold(client);
        assert.deepEqual(numbers([client]), upTo(1 + FINALS));
      }
      const end = await service.ended();
      assertClean(end);
      assert.equal(end.receipt.finals, FINALS);
      // Nobody can answer: whoever reads to the end has left.
      assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(size), echoed: 0 });
      assert.equal(end.receipt.clients.items, size * FINALS);
      assert.deepEqual(end.receipt.requests, { finished: 0, cut: 0 }, "it is a client, not a request");
    });
  }

  test("Last-Event-ID goes on at another process where this one ended, also for who was given nothing", async (t) => {
    const shared = { ...QUIET, JOURNAL_URL: `lmdb:${await folder(t)}` };
    const [old, next] = await Promise.all([Service.start(t, shared), Service.start(t, shared)]);
    const reader = await open(t, old);
    await post(next, 1);
    await reader.item();
    const idle = await open(t, old);
    await idle.until(({ lastEventId }) => lastEventId || undefined);
    // It goes before anything is said: the id that came first is all it has.
    const early = await open(t, old);
    const opening = await early.until(({ lastEventId }) => lastEventId || undefined);
    early.destroy();
    old.signal("SIGTERM");
    await Promise.all([reader, idle].map((client) => assertTold(client)));
    assertClean(await old.ended());
    await post(next, 2);
    const after = (id: string) => open(t, next, { headers: { "last-event-id": id } });
    const [read, given, left] = [
      await after(reader.parser.lastEventId),
      await after(idle.parser.lastEventId),
      await after(opening),
    ];
    await Promise.all([read.item(1), given.item(1), left.item(1 + FINALS)]);
    await post(next, 3);
    await Promise.all([read.item(2), given.item(2), left.item(2 + FINALS)]);
    const { head } = await readJournal(next.url);
    assert.equal(head, FINALS + 3);
    assert.deepEqual(numbers([reader, read]), upTo(head));
    for (const clients of [[idle, given], [left]]) assert.deepEqual([1, ...numbers(clients)], upTo(head));
  });

  test("one that never reads is handed over, not cut: exit 0; elsewhere it gets what it has not had", async (t) => {
    const shared = {
      ...QUIET,
      JOURNAL_URL: `lmdb:${await folder(t)}`,
      MAX_ITEM_BYTES: "2000000",
      CLOSE_TIMEOUT_SECONDS: "1",
    };
    const [old, next] = await Promise.all([Service.start(t, shared), Service.start(t, shared)]);
    const [stuck, other] = [await open(t, old), await open(t, old)];
    const opening = await stuck.until(({ lastEventId }) => lastEventId || undefined);
    stuck.pause();
    const items = 24;
    for (let n = 0; n < items; n += 1) await post(old, "x".repeat(1_000_000));
    await other.item(items);
    old.signal("SIGTERM");
    await assertTold(other);
    const end = await old.ended();
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(1), told: 2, handedOver: 1, echoed: 0 });
    stuck.resume();
    assert.equal(await stuck.ended, "cut");
    const owed = items + FINALS - stuck.items.length;
    assert.ok(owed > FINALS, "it had not had everything");
    const moved = await open(t, next, { headers: { "last-event-id": stuck.parser.lastEventId || opening } });
    await moved.item(owed);
    assert.deepEqual(numbers([stuck, moved]), upTo(items + FINALS));
  });

  test("who comes while others are closed is sent back with `retry`, on a new connection and on an old one", async (t) => {
    const service = await Service.start(t, { ...QUIET, CLOSE_TIMEOUT_SECONDS: "2.5" });
    const mute = await TextClient.open(t, service.url, "mute");
    const reader = await open(t, service);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const ready = await http(new URL("/items?limit=1", service.url), { agent });
    assert.equal(ready.status, 200);
    service.signal("SIGTERM");
    await mute.text("CLOSE");
    await assertTold(reader);
    const refused = [
      await open(t, service, { agent: new Agent({ keepAlive: true }) }),
      await open(t, service, { agent }),
    ];
    for (const client of refused) {
      assert.equal(await client.ended, "whole");
      assert.deepEqual([client.status, client.body], [200, "retry: 1000\n\n"]);
      assert.match(client.response.headers["content-type"] ?? "", /^text\/event-stream/);
      assert.equal(client.response.headers.connection, "close");
    }
    const metrics = await ask(t, service.url, "GET", "/metrics");
    assert.match(metrics.body, /^lastcall_connections_total\{phase="close",result="refused"\} 2$/m);
    assert.equal(service.all("Phase close over").length, 0, "all of this was in the close phase");
    const end = await service.ended();
    assertFarewell(mute, FINALS);
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(1), told: 2, flushed: 2, echoed: 0, unanswered: 1 });
  });

  test("one that goes after shutdown, before it was told all, is gone: its own will, so exit 0", async (t) => {
    // The last of twenty slots is most of two seconds away.
    const service = await Service.start(t, { ...QUIET, DRAIN_STAGGER_SECONDS: "2" });
    const clients = await Promise.all(Array.from({ length: 20 }, () => open(t, service)));
    service.signal("SIGTERM");
    await service.logged("Closing all clients: last items, CLOSE, close frame");
    const slots = await Promise.all(
      clients.map(async (client) => ({
        client,
        slot: JSON.parse((await client.event("shutdown")).data).reconnectInMs,
      })),
    );
    slots.sort((a, b) => b.slot - a.slot);
    const leaver = slots[0]?.client ?? assert.fail("nobody");
    leaver.destroy();
    await Promise.all(clients.filter((client) => client !== leaver).map(assertTold));
    const end = await service.ended();
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(19), told: 20, gone: 1, echoed: 0 });
    assert.deepEqual(
      service.all("Client disconnected").map(({ fate }) => fate),
      ["gone"],
    );
  });
});
