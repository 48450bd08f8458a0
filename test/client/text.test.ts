import assert from "node:assert/strict";
import { test } from "node:test";
import { CONNECT_TIMEOUT_MS, connectText, LEAVE_TIMEOUT_MS, TOLD_TIMEOUT_MS } from "../../src/client/text.js";
import type { TextEvent } from "../../src/client/text-states.js";
import { ManualClock } from "../support/manual-clock.js";
import { type Script, scripted } from "./scripted-websocket.js";

/** A client on a scripted socket; every wait is half its ceiling: 1, 2, 4, 8, 15, 15 ... seconds. */
function start(options: { onEvent?: (event: TextEvent) => void } = {}) {
  const clock = new ManualClock();
  const script = scripted();
  const events: TextEvent[] = [];
  const client = connectText({
    url: "ws://server/ws",
    WebSocket: script.WebSocket,
    clock,
    // Waits are as long as they can be.
    random: () => 1,
    onEvent(event) {
      events.push(event);
      options.onEvent?.(event);
    },
  });
  /** The events since the last call. */
  const told = () => events.splice(0);
  return { clock, script, client, told };
}

test("items, SHUTDOWN, last items, CLOSE, close frame, and the next connection", async () => {
  const { clock, script, client, told } = start();
  assert.deepEqual(told(), [{ type: "connecting", url: "ws://server/ws" }]);
  assert.equal(client.state, "connecting");

  script.socket.open();
  script.socket.frame("one");
  assert.equal(client.state, "open");
  assert.deepEqual(told(), [{ type: "open" }, { type: "received", text: "one" }]);

  script.socket.frame("SHUTDOWN");
  script.socket.frame("two");
  assert.equal(client.state, "draining");
  assert.deepEqual(told(), [{ type: "shutdown" }, { type: "received", text: "two" }]);

  script.socket.frame("CLOSE");
  assert.equal(client.state, "closed-told");
  assert.deepEqual(told(), [{ type: "told" }]);
  assert.deepEqual(script.socket.done, [], "answering the close frame is the WebSocket's own affair");

  script.socket.closed(1012, "restart");
  assert.equal(client.state, "waiting");
  assert.deepEqual(told(), [
    { type: "closed", code: 1012, reason: "restart" },
    { type: "waiting", ms: 1_000 },
  ]);

  await clock.advance(999);
  assert.equal(script.sockets.length, 1);
  await clock.advance(1);
  assert.equal(script.sockets.length, 2);
  assert.equal(client.state, "connecting");
});

test("CLOSE without SHUTDOWN is taken too, and the words count once", () => {
  const { script, client, told } = start();
  script.socket.open();
  told();
  for (const word of ["CLOSE", "CLOSE", "SHUTDOWN"]) script.socket.frame(word);
  assert.equal(client.state, "closed-told");
  assert.deepEqual(told(), [{ type: "told" }]);
});

test("frames are items unless they are exactly one of the words; binary ones are told as ignored", () => {
  const { script, told } = start();
  script.socket.open();
  told();
  for (const data of ["shutdown", "CLOSE ", "", '{"a":1}', new Uint8Array(3)]) script.socket.frame(data);
  assert.deepEqual(told(), [
    { type: "received", text: "shutdown" },
    { type: "received", text: "CLOSE " },
    { type: "received", text: "" },
    { type: "received", text: '{"a":1}' },
    { type: "ignored" },
  ]);
});

test("waits grow until a connection delivers something", async () => {
  const { clock, script, told } = start();
  const wait = () => told().flatMap((event) => (event.type === "waiting" ? [event.ms] : []));

  for (const expected of [1_000, 2_000, 4_000]) {
    script.socket.error({ message: "connect ECONNREFUSED 127.0.0.1:1" });
    script.socket.closed(1006);
    assert.deepEqual(wait(), [expected]);
    await clock.advance(expected);
  }
  script.socket.open();
  script.socket.closed(1006);
  assert.deepEqual(wait(), [8_000], "a connection that gave nothing is no success");

  await clock.advance(8_000);
  script.socket.open();
  script.socket.frame("one");
  script.socket.closed(1006);
  assert.deepEqual(wait(), [1_000]);
});

test("an attempt that nobody answers is given up, and its socket is dropped", async () => {
  const { clock, script, client, told } = start();
  const [socket] = script.sockets;
  assert.ok(socket);
  told();
  await clock.advance(CONNECT_TIMEOUT_MS - 1);
  assert.deepEqual(told(), []);
  await clock.advance(1);
  assert.deepEqual(told(), [
    { type: "failed", why: "no answer in 10 seconds" },
    { type: "waiting", ms: 1_000 },
  ]);
  assert.deepEqual(socket.done, ["terminate"]);

  socket.closed(1006);
  socket.open();
  socket.frame("late");
  assert.equal(client.state, "waiting", "what a dropped socket still says is nobody's concern");
  assert.deepEqual(told(), []);
  await clock.advance(1_000);
  assert.equal(script.sockets.length, 2);
  socket.open();
  socket.closed(1006);
  assert.equal(client.state, "connecting", "nor is it once there is a new one");
});

test("a server that says CLOSE and never closes is abandoned", async () => {
  const { clock, script, told } = start();
  script.socket.open();
  script.socket.frame("CLOSE");
  told();
  await clock.advance(TOLD_TIMEOUT_MS - 1);
  assert.deepEqual(script.socket.done, []);
  await clock.advance(1);
  assert.deepEqual(script.socket.done, ["terminate"]);
  assert.deepEqual(told(), [
    { type: "lost", why: "not closed 10 seconds after CLOSE" },
    { type: "closed", code: 1006, reason: "" },
    { type: "waiting", ms: 1_000 },
  ]);
});

test("why an attempt failed: the error's text, those of several addresses, its code, or the HTTP answer", () => {
  const cases: [Parameters<Script["socket"]["error"]>[0], string][] = [
    [{ message: "getaddrinfo ENOTFOUND nowhere" }, "getaddrinfo ENOTFOUND nowhere"],
    [{ error: new Error("connect ECONNREFUSED ::1:1"), message: "" }, "connect ECONNREFUSED ::1:1"],
    [
      { error: { message: "", errors: [new Error("ECONNREFUSED ::1"), new Error("ECONNREFUSED 127.0.0.1")] } },
      "ECONNREFUSED ::1; ECONNREFUSED 127.0.0.1",
    ],
    [{ error: { message: "", code: "ETIMEDOUT" } }, "ETIMEDOUT"],
    [{}, "no reason given"],
  ];
  for (const [error, why] of cases) {
    const { script, told } = start();
    script.socket.error(error);
    script.socket.closed(1006);
    assert.deepEqual(told().slice(1, 2), [{ type: "failed", why }]);
  }
});

test("a refusal's Retry-After is the least wait, with the jitter on top", () => {
  const { script, told } = start();
  script.socket.refusal = { status: 503, retryAfter: "7" };
  script.socket.error({ message: "closed before the connection was established" });
  script.socket.closed(1006);
  assert.deepEqual(told().slice(1), [
    { type: "failed", why: "HTTP 503, Retry-After: 7" },
    { type: "waiting", ms: 8_000 },
  ]);
});

test("how an open connection was lost is told, unless the server left in good order", () => {
  for (const code of [1000, 1001, 1005, 1012]) {
    const { script, told } = start();
    script.socket.open();
    script.socket.closed(code);
    assert.deepEqual(told().slice(2), [
      { type: "closed", code, reason: "" },
      { type: "waiting", ms: 1_000 },
    ]);
  }
  const { script, told } = start();
  script.socket.open();
  script.socket.closed(1013, "full");
  assert.deepEqual(told().slice(2, 3), [{ type: "lost", why: "close code 1013, full" }]);
});

test("it sends only while the connection is open and the server does not drain", async () => {
  const { clock, script, client } = start();
  assert.equal(client.send("early"), false);
  script.socket.open();
  assert.equal(client.send("now"), true);
  script.socket.readyState = 2;
  assert.equal(client.send("closing"), false);
  script.socket.readyState = 1;
  script.socket.frame("SHUTDOWN");
  assert.equal(client.send("draining"), false);
  assert.deepEqual(script.socket.done, ["send now"]);
  script.socket.closed(1012);
  await clock.advance(0);
  assert.equal(client.send("waiting"), false);
});

for (const words of [[], ["SHUTDOWN"], ["SHUTDOWN", "CLOSE"]]) {
  test(`stop after ${words.join(" and ") || "opening"} closes with 1000 and waits for the answer`, async () => {
    const { clock, script, client, told } = start();
    script.socket.open();
    for (const word of words) script.socket.frame(word);
    told();
    client.stop();
    client.stop();
    assert.equal(client.state, "leaving");
    assert.deepEqual(script.socket.done, ["close 1000"]);
    script.socket.frame("late");
    script.socket.closed(1000);
    assert.deepEqual(told(), [{ type: "ended" }]);
    await client.ended;
    assert.deepEqual(clock.pending, []);
    client.stop();
    assert.deepEqual(told(), []);
  });
}

test("a close that is never answered is cut", async () => {
  const { clock, script, client, told } = start();
  script.socket.open();
  told();
  client.stop();
  await clock.advance(LEAVE_TIMEOUT_MS - 1);
  assert.equal(client.state, "leaving");
  await clock.advance(1);
  await client.ended;
  assert.deepEqual(script.socket.done, ["close 1000", "terminate"]);
  assert.deepEqual(told(), [{ type: "lost", why: "close not answered in 2 seconds" }, { type: "ended" }]);
});

test("stop while connecting or waiting ends at once", async () => {
  const connecting = start();
  connecting.client.stop();
  assert.deepEqual(connecting.script.socket.done, ["terminate"]);
  assert.deepEqual(connecting.clock.pending, []);
  await connecting.client.ended;

  const waiting = start();
  waiting.script.socket.closed(1006);
  waiting.client.stop();
  assert.deepEqual(waiting.clock.pending, []);
  await waiting.client.ended;
  assert.equal(waiting.script.sockets.length, 1);
});

test("a listener may stop the client from inside any event", async () => {
  for (const type of ["open", "received", "shutdown", "told", "lost", "closed", "waiting"]) {
    const run = start({
      onEvent: (event) => {
        if (event.type === type) run.client.stop();
      },
    });
    const { socket } = run.script;
    socket.open();
    for (const data of ["one", "SHUTDOWN", "CLOSE"]) socket.frame(data);
    socket.error({ message: "reset" });
    socket.closed(1006);
    await run.client.ended;
    assert.deepEqual(run.told().at(-1), { type: "ended" }, type);
    assert.deepEqual(run.clock.pending, [], type);
    assert.equal(run.script.sockets.length, 1, type);
  }
});
