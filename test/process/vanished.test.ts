import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { describe, type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { connect, type Item } from "../../src/client.js";
import { SUBPROTOCOL } from "../../src/protocol/messages.js";
import { FreezingProxy } from "../support/freezing-proxy.js";
import { DarkNetwork, noNamespaces } from "../support/netns.js";
import { publishNumbers } from "../support/numbers.js";
import { ask, RawConnection } from "../support/raw-socket.js";
import { type Env, Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { Watch } from "../support/watch.js";

/** A service with two ways to it, of which one can go dark. */
interface Place {
  readonly service: Service;
  /** By the way that goes dark, and by the one that does not. */
  readonly dark: URL;
  readonly light: URL;
  cut(): void;
  restore(): void;
}

async function namespaced(t: TestContext, env: Env): Promise<Place & { readonly network: DarkNetwork }> {
  const network = await DarkNetwork.open(t);
  const service = await Service.start(t, { ...env, HOST: "0.0.0.0" }, { around: network.around });
  const at = (hostname: string) => Object.assign(new URL(service.url), { hostname });
  return {
    service,
    network,
    dark: at(network.dark),
    light: at(network.light),
    cut: () => network.cut(),
    restore: () => network.restore(),
  };
}

async function proxied(t: TestContext, env: Env): Promise<Place & { readonly proxy: FreezingProxy }> {
  const service = await Service.start(t, env);
  const proxy = await FreezingProxy.open(t, service.url);
  return {
    service,
    proxy,
    dark: proxy.url,
    light: service.url,
    cut: () => proxy.freeze(),
    restore: () => proxy.thaw(),
  };
}

const PLACES = [
  ["whose packets are dropped", namespaced, noNamespaces()],
  ["whose connection is frozen", proxied, false],
] as const;

const INTERVAL_MS = 2_000;
/** The last ping may be answered just before the network goes: then it takes two whole intervals. */
const NOTICED_MS = 2 * INTERVAL_MS;
/** A loaded machine's delays; less than a round of half an interval, so that one round too many is seen. */
const SLACK_MS = 700;

/** Nothing is sent of the service's own accord but pings. */
const QUIET: Env = {
  PING_INTERVAL_SECONDS: `${INTERVAL_MS / 1_000}`,
  HEARTBEAT_SECONDS: "60",
  FEED_INTERVAL_SECONDS: "0",
};

/** A v1 client that has said hello, and what it was sent. */
async function v1Client(t: TestContext, url: URL) {
  const socket = new WebSocket(new URL("/ws", url), SUBPROTOCOL);
  t.after(() => socket.terminate());
  const frames: string[] = [];
  socket.on("error", () => {});
  socket.on("message", (data) => frames.push(String(data)));
  await once(socket, "open");
  socket.send('{"type":"start"}');
  await once(socket, "message");
  return { socket, frames };
}

/** The worst moment to vanish: a ping has been answered, and the answer was heard, since what was sent after it was. */
async function justPinged(service: Service, { socket }: { readonly socket: WebSocket }, text: TextClient) {
  await once(socket, "ping");
  socket.send('{"type":"ping"}');
  await once(socket, "message");
  text.send("here");
  await service.logged("Received message");
}

async function pingTimeouts(t: TestContext, url: URL): Promise<Record<string, number>> {
  const { body } = await ask(t, url, "GET", "/metrics");
  const lines = body.matchAll(/^lastcall_ping_timeouts_total\{protocol="([^"]+)"\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, protocol, count]) => [protocol, Number(count)]));
}

describe("a WebSocket client", { timeout: 60_000 }, () => {
  for (const [how, place, skip] of PLACES) {
    test(`${how} is ended within twice the ping interval; others stay`, { skip }, async (t) => {
      const { service, dark, light, cut } = await place(t, QUIET);
      const text = await TextClient.open(t, dark);
      const v1 = await v1Client(t, dark);
      const near = await v1Client(t, light);
      const nearText = await TextClient.open(t, light);
      await justPinged(service, v1, text);
      cut();
      const cutAt = Date.now();

      const ended = service.logged("Client disconnected", () => service.all("Client disconnected").length === 2);
      await ended;
      for (const { fate, time } of service.all("Client disconnected")) {
        assert.equal(fate, "silent");
        const tookMs = Date.parse(time) - cutAt;
        // One miss would not do: a ping that is late or lost is no reason to end anybody.
        assert.ok(tookMs > INTERVAL_MS, `after ${tookMs} ms`);
        assert.ok(tookMs < NOTICED_MS + SLACK_MS, `after ${tookMs} ms`);
      }
      assert.deepEqual(await pingTimeouts(t, light), { text: 1, "lastcall.v1": 1, sse: 0 });
      const posted = await ask(t, light, "POST", "/items", { body: '"after"' });
      assert.equal(posted.status, 201);
      await nearText.text("after");
      while (!near.frames.some((frame) => frame.includes('"after"'))) await once(near.socket, "message");
      assert.equal(service.all("Client disconnected").length, 2, "and nobody else");
      assert.deepEqual(text.texts, [], "it was told nothing");
    });
  }

  test("gets two pings before it is ended, and nothing else", async (t) => {
    const { service, proxy, dark, cut } = await proxied(t, QUIET);
    await justPinged(service, await v1Client(t, dark), await TextClient.open(t, dark));
    cut();
    await service.logged("Client disconnected", () => service.all("Client disconnected").length === 2);
    const PINGS = Buffer.from("89008900", "hex");
    assert.deepEqual(proxy.heldFromServers, [PINGS, PINGS]);
  });
});

const HEARTBEAT_MS = 1_000;

/** The client library, and what it has given out. */
function reader(t: TestContext, host: () => string, url: URL) {
  /** Another host is another way to the same service. */
  class Routed extends WebSocket {
    constructor(to: string, protocols?: string | string[]) {
      super(Object.assign(new URL(to), { host: host() }), protocols);
    }
  }
  const client = connect(new URL("/ws", url).href.replace("http", "ws"), { after: "oldest", WebSocket: Routed });
  t.after(() => client.close());
  const items: Item[] = [];
  const watch = new Watch();
  const done = (async () => {
    for await (const item of client) {
      items.push(item);
      watch.changed();
    }
  })();
  const has = (data: unknown) => watch.until(() => items.find((item) => item.data === data));
  const waits = () =>
    new Promise<{ readonly reason: string; readonly at: number }>((resolve) => {
      client.status.subscribe((status) => {
        if (status.type === "waiting") resolve({ reason: status.reason, at: performance.now() });
      });
    });
  return { client, items, has, waits, done };
}

describe("the client library", { timeout: 60_000 }, () => {
  const ENV: Env = {
    HEARTBEAT_SECONDS: `${HEARTBEAT_MS / 1_000}`,
    PING_INTERVAL_SECONDS: "1",
    FEED_INTERVAL_SECONDS: "0",
  };

  for (const [how, place, skip] of PLACES) {
    for (const [then, another] of [
      ["when it is back", false],
      ["by another way", true],
    ] as const) {
      const name = `${how} notices within twice the heartbeat, resumes ${then}, misses and repeats nothing`;
      test(name, { skip }, async (t) => {
        const { service, dark, light, cut, restore } = await place(t, ENV);
        let host = dark.host;
        const { client, items, has, waits, done } = reader(t, () => host, dark);
        const publisher = await publishNumbers(t, light);
        await has(10);
        const waiting = waits();
        cut();
        const cutAt = performance.now();
        const inTheDark = client.publish("from the dark");
        if (another) host = light.host;

        const { reason, at } = await waiting;
        assert.equal(reason, "silent");
        const tookMs = at - cutAt;
        assert.ok(tookMs > HEARTBEAT_MS, `after ${tookMs} ms`);
        assert.ok(tookMs < 2 * HEARTBEAT_MS + SLACK_MS, `after ${tookMs} ms`);
        const { fate } = await service.logged("Client disconnected");
        assert.equal(fate, "silent", "the server noticed too");
        if (!another) {
          assert.ok(!items.some(({ data }) => data === publisher.last), "it is missing something");
          restore();
        }

        const id = await inTheDark;
        const last = await publisher.stop();
        await has(last);
        await has("from the dark");
        await client.close();
        await done;
        const journal = JSON.parse((await ask(t, light, "GET", "/items?after=oldest&limit=1000")).body);
        assert.equal(journal.items.length, last + 1);
        assert.deepEqual(items, journal.items);
        assert.equal(journal.items.find((item: Item) => item.data === "from the dark")?.id, id);
      });
    }
  }
});

/** A reader of server-sent events that has been told where it stands. */
async function sseReader(t: TestContext, url: URL): Promise<IncomingMessage> {
  const request = get(new URL("/events", url), { agent: false });
  t.after(() => request.destroy());
  request.on("error", () => {});
  const [response]: IncomingMessage[] = await once(request, "response");
  if (response === undefined) throw new Error("no response");
  response.on("error", () => {});
  await once(response, "data");
  return response;
}

/** More than the kernels on the way keep for a connection whose peer does not read. */
const ITEM_BYTES = 1_000_000;
const ITEMS = 24;

describe("a reader of server-sent events, which answers nothing", { timeout: 60_000 }, () => {
  for (const [how, place, skip] of PLACES) {
    test(`${how} is ended within twice the ping interval once its socket takes nothing more`, { skip }, async (t) => {
      const { service, dark, light, cut } = await place(t, { ...QUIET, MAX_ITEM_BYTES: "2000000" });
      await sseReader(t, dark);
      const near = await sseReader(t, light);
      let bytes = 0;
      near.on("data", (chunk) => {
        bytes += chunk.length;
      });
      cut();
      const publisher = await RawConnection.open(t, light);
      const body = JSON.stringify("x".repeat(ITEM_BYTES));
      for (let n = 0; n < ITEMS; n += 1) {
        assert.equal((await publisher.request("POST", "/items", { body })).status, 201);
      }
      // By now at the latest.
      const fullAt = Date.now();
      const { fate, time } = await service.logged("Client disconnected");
      assert.equal(fate, "silent");
      const tookMs = Date.parse(time) - fullAt;
      assert.ok(tookMs < NOTICED_MS + SLACK_MS, `after ${tookMs} ms`);
      assert.deepEqual(await pingTimeouts(t, light), { text: 0, "lastcall.v1": 0, sse: 1 });
      while (bytes < ITEMS * ITEM_BYTES) await once(near, "data");
      assert.equal(service.all("Client disconnected").length, 1, "and nobody else");
    });
  }

  test("is gone when the kernel gives its heartbeats up, however little there is to send", {
    skip: noNamespaces(),
  }, async (t) => {
    const { service, network, dark, light, cut } = await namespaced(t, { ...QUIET, HEARTBEAT_SECONDS: "0.5" });
    // By default 15 retransmissions, which is a quarter of an hour.
    network.tune("net.ipv4.tcp_retries2", "3");
    await sseReader(t, dark);
    await sseReader(t, light);
    cut();
    const { fate } = await service.logged("Client disconnected");
    assert.equal(fate, "gone");
    assert.deepEqual(await pingTimeouts(t, light), { text: 0, "lastcall.v1": 0, sse: 0 });
    assert.equal(service.all("Client disconnected").length, 1, "and nobody else");
  });
});
