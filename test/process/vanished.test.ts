import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { SUBPROTOCOL } from "../../src/protocol/messages.js";
import { FreezingProxy } from "../support/freezing-proxy.js";
import { DarkNetwork, noNamespaces } from "../support/netns.js";
import { ask } from "../support/raw-socket.js";
import { type Env, Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";

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
const SLACK_MS = 900;

/** Nothing is sent of the service's own accord but pings. */
const QUIET: Env = { PING_INTERVAL_SECONDS: `${INTERVAL_MS / 1_000}`, HEARTBEAT_SECONDS: "60", FEED_INTERVAL_SECONDS: "0" };

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
