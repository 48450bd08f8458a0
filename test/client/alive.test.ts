import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostOf } from "../../src/client/host.js";
import { PROBE_TIMEOUT_MS } from "../../src/client/link.js";
import { id, item, settle, start } from "./kit.js";

describe("a connection on which nothing is heard", () => {
  test("is left after two heartbeats, and resumed at once", async (t) => {
    const { clock, server, client, script } = start(t);
    server().welcome(id(3), { heartbeatMs: 10_000 });
    server().say(item(4));
    await clock.advance(19_999);
    server().say({ type: "alive" });
    await clock.advance(19_999);
    assert.deepEqual(server().did, []);
    assert.deepEqual(server().heard(), [], "it asks for nothing by itself");
    await clock.advance(1);
    assert.deepEqual(server(0).did, ["terminate"]);
    assert.equal(script.sockets.length, 2);
    assert.deepEqual(client.status.get(), { type: "connecting", attempt: 1 });
    assert.equal(server().welcome()["after"], id(4));
  });

  for (const news of ["wake", "offline"] as const) {
    test(`is asked at ${news}, once, and left when it says nothing for some seconds`, async (t) => {
      const { clock, server, news: tell, client } = start(t);
      server().welcome(id(3));
      tell(news);
      tell(news);
      tell("wake");
      assert.deepEqual(server().heard(), [{ type: "ping" }]);
      await clock.advance(PROBE_TIMEOUT_MS - 1);
      assert.deepEqual(server().did, []);
      await clock.advance(1);
      assert.deepEqual(server(0).did, ["terminate"]);
      assert.equal(client.status.get().type, "connecting");
    });
  }

  test("is kept when it says anything, and watched as before", async (t) => {
    const { clock, server, news, script } = start(t);
    server().welcome(id(3), { heartbeatMs: 10_000 });
    await clock.advance(1_000);
    news("wake");
    server().say({ type: "pong" });
    await clock.advance(19_999);
    assert.deepEqual(server().did, []);
    news("wake");
    assert.equal(server().heard().length, 2, "it may be asked again");
    await clock.advance(PROBE_TIMEOUT_MS);
    assert.equal(script.sockets.length, 2);
  });

  test("is one of two in a hand-over: both are asked", async (t) => {
    const { clock, server, news } = start(t);
    server().welcome(id(3));
    server().say({ type: "shutdown", reconnectInMs: 0, closesInMs: 5_000 });
    await clock.advance(0);
    server(1).welcome(id(3), { head: id(9) });
    news("wake");
    assert.deepEqual([server(0).heard(), server(1).heard()], [[{ type: "ping" }], [{ type: "ping" }]]);
  });
});

test("waking up ends a wait; going offline is told", async (t) => {
  const { server, news, client, script } = start(t);
  news("offline");
  server().socket.closed(1006);
  const status = client.status.get();
  assert.ok(status.type === "waiting" && status.offline);
  news("wake");
  assert.equal(script.sockets.length, 2);
  server().socket.closed(1006);
  const later = client.status.get();
  assert.ok(later.type === "waiting" && !later.offline);
});

test("a browser's events: online, pageshow and becoming visible are wake; a closed client hears none", async (t) => {
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
  const told: string[] = [];
  const stop = hostOf({
    addEventListener: (type, listener) => page.addEventListener(type, listener),
    removeEventListener: (type, listener) => page.removeEventListener(type, listener),
    document,
  }).subscribe((news) => told.push(news));
  const fire = () => {
    for (const type of ["online", "offline", "pageshow", "pagehide"]) page.dispatchEvent(new Event(type));
    document.dispatchEvent(new Event("visibilitychange"));
  };
  fire();
  document.visibilityState = "visible";
  fire();
  assert.deepEqual(told, ["wake", "offline", "wake", "wake", "offline", "wake", "wake"]);
  stop();
  fire();
  assert.equal(told.length, 7);

  const { client, script, news } = start(t);
  void client.close();
  news("wake");
  await settle();
  assert.equal(script.sockets.length, 1);
});

test("where there are no such events, there is no news", () => {
  hostOf({}).subscribe(() => assert.fail())();
  hostOf().subscribe(() => assert.fail())();
});
