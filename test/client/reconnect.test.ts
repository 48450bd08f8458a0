import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPEN_TIMEOUT_MS, TOKEN_TIMEOUT_MS } from "../../src/client/link.js";
import { LastcallError, type Status } from "../../src/client.js";
import { SUBPROTOCOL } from "../../src/protocol/messages.js";
import { hello, id, item, type Started, settle, start } from "./kit.js";

/** The newest status, which says that nothing is open. */
function waiting({ client }: Started): Omit<Extract<Status, { type: "waiting" }>, "type"> {
  const { type, ...rest } = client.status.get() as Extract<Status, { type: "waiting" }>;
  assert.equal(type, "waiting");
  return rest;
}

function refused(code: LastcallError["code"], error: unknown, words?: RegExp): void {
  assert.ok(error instanceof LastcallError, String(error));
  assert.equal(error.code, code);
  if (words !== undefined) assert.match(error.message, words);
}

describe("what each close code is to a client", () => {
  const codes: readonly (readonly [code: number, reason: string, retryInMs: number])[] = [
    [1012, "restart", 0],
    [1013, "overload", 1_000],
    [4408, "lost", 1_000],
    [1006, "lost", 1_000],
    [1000, "lost", 1_000],
    [4999, "lost", 1_000],
  ];
  for (const [code, reason, retryInMs] of codes) {
    test(`${code}: ${reason}, back in ${retryInMs} ms, after the cursor`, async (t) => {
      const started = start(t);
      started.server().welcome(id(3));
      started.server().say(item(4));
      started.server().socket.closed(code, "why");
      const message = `close code ${code}, why`;
      assert.deepEqual(waiting(started), { reason, message, retryInMs, attempt: 1, offline: false });
      await started.clock.advance(retryInMs);
      assert.equal(started.server(1).accept()["after"], id(4));
    });
  }

  const fatal: readonly (readonly [code: number, as: LastcallError["code"]])[] = [
    [4400, "protocol_error"],
    [4403, "forbidden"],
    [1003, "protocol_error"],
    [1007, "protocol_error"],
    [1009, "too_large"],
    [4401, "unauthorized"],
  ];
  for (const [code, as] of fatal) {
    test(`${code}${code === 4401 ? " without token()" : ""}: ${as}, after what had come`, async (t) => {
      const { client, server, read, clock, script } = start(t);
      server().welcome(id(3));
      server().say(item(4));
      const publish = assert.rejects(client.publish("x"), { code: "unknown_outcome" });
      server().socket.closed(code, "no");
      const reader = read();
      await reader.ended;
      await publish;
      assert.deepEqual(reader.data, [4]);
      refused(as, reader.error, /^close code \d+, no/);
      assert.deepEqual(client.status.get(), { type: "closed", error: reader.error });
      await clock.advance(60_000);
      assert.equal(script.sockets.length, 1);
    });
  }

  test("4401 with token(): another token, at once", async (t) => {
    let tokens = 0;
    const started = start(t, { token: () => `token-${++tokens}` });
    await settle();
    assert.equal(started.server().welcome(id(3))["token"], "token-1");
    started.server().socket.closed(4401);
    assert.equal(waiting(started).retryInMs, 0);
    await started.clock.advance(0);
    assert.equal(started.server(1).welcome()["token"], "token-2");
    started.server().socket.closed(4401);
    assert.equal(waiting(started).retryInMs, 2_000, "a token that does not help is no reason to hurry");
  });
});

test("waits grow until a connection gives something", async (t) => {
  const started = start(t);
  const { clock, server } = started;
  for (const [attempt, retryInMs] of [1_000, 2_000, 4_000].entries()) {
    server().socket.error({ message: "connect ECONNREFUSED" });
    server().socket.closed(1006);
    const expected = { reason: "unreachable", message: "connect ECONNREFUSED", retryInMs, offline: false };
    assert.deepEqual(waiting(started), { ...expected, attempt: attempt + 1 });
    await clock.advance(retryInMs);
    assert.deepEqual(started.client.status.get(), { type: "connecting", attempt: attempt + 1 });
  }
  server().welcome(id(1));
  server().socket.closed(1006);
  assert.equal(waiting(started).retryInMs, 8_000, "hello alone is not yet a success");
  await clock.advance(8_000);
  server().welcome();
  server().say({ type: "alive" });
  server().socket.closed(1006);
  assert.equal(waiting(started).retryInMs, 1_000);
});

test("the ceilings of the waits can be chosen", async (t) => {
  const started = start(t, { backoff: { firstMs: 10, maxMs: 15 } });
  for (const retryInMs of [10, 15, 15]) {
    started.server().socket.closed(1006);
    assert.equal(waiting(started).retryInMs, retryInMs);
    await started.clock.advance(retryInMs);
  }
});

test("a refusal's Retry-After is the least wait, and waking up does not cut it short", async (t) => {
  const started = start(t);
  started.server().socket.refusal = { status: 503, retryAfter: "7" };
  started.server().socket.closed(1006);
  const message = "HTTP 503, Retry-After: 7";
  assert.deepEqual(waiting(started), { reason: "refused", message, retryInMs: 8_000, attempt: 1, offline: false });
  started.news("wake");
  assert.equal(started.script.sockets.length, 1);
  await started.clock.advance(8_000);
  assert.equal(started.script.sockets.length, 2);
});

test("a server that refuses the subprotocol is no server for this client", async (t) => {
  const { server, read } = start(t);
  server().socket.refusal = { status: 400, retryAfter: undefined };
  server().socket.closed(1006);
  const reader = read();
  await reader.ended;
  refused("unsupported_subprotocol", reader.error);
});

for (const chosen of ["", "graphql-ws"]) {
  test(`a server that chooses ${chosen || "no subprotocol"} is left at once`, async (t) => {
    const { server, read } = start(t);
    const reader = read();
    server().socket.open(chosen);
    await reader.ended;
    refused("unsupported_subprotocol", reader.error, /lastcall\.v1/);
    assert.deepEqual(server().socket.done, ["terminate"]);
  });
}

test("an attempt that nobody answers is given up, and so is a connection without a hello", async (t) => {
  const started = start(t);
  await started.clock.advance(OPEN_TIMEOUT_MS);
  assert.equal(waiting(started).reason, "unreachable");
  assert.equal(waiting(started).message, "no answer in 10 seconds");
  assert.deepEqual(started.server().did, ["terminate"]);
  await started.clock.advance(1_000);
  started.server(1).accept();
  await started.clock.advance(OPEN_TIMEOUT_MS);
  assert.deepEqual([waiting(started).reason, waiting(started).message], ["silent", "no hello in 10 seconds"]);
});

test("token() is asked at every attempt; one that fails or never settles is asked again later", async (t) => {
  const answers: (() => Promise<string | undefined>)[] = [
    () => Promise.reject(new Error("login is down")),
    () => new Promise(() => {}),
    async () => undefined,
  ];
  const started = start(t, { token: () => answers.shift()?.() ?? "late" });
  const { clock, script } = started;
  await settle();
  assert.deepEqual([waiting(started).reason, waiting(started).message], ["token", "token(): login is down"]);
  await clock.advance(1_000);
  assert.equal(started.client.status.get().type, "connecting");
  await clock.advance(TOKEN_TIMEOUT_MS);
  assert.deepEqual([waiting(started).reason, waiting(started).retryInMs], ["token", 2_000]);
  assert.equal(script.sockets.length, 0);
  await clock.advance(2_000);
  assert.deepEqual(started.server(0).welcome(id(1)), { type: "start", stream: "main", after: "now" });
});

test("a token() that throws is one that fails", async (t) => {
  const token = () => {
    throw new Error("no");
  };
  const started = start(t, { token });
  await settle();
  assert.equal(waiting(started).message, "token(): no");
});

test("a token() that gives no text is one that fails: a server would end the connection for it", async (t) => {
  const started = start(t, { token: () => null as never });
  await settle();
  assert.equal(waiting(started).message, "token(): expected a string, got object");
  assert.equal(started.script.sockets.length, 0);
});

test("a token that comes after the client was closed opens nothing", async (t) => {
  let give: (token: string) => void = () => {};
  const token = () =>
    new Promise<string>((resolve) => {
      give = resolve;
    });
  const { client, script } = start(t, { token });
  await client.close();
  give("late");
  await settle();
  assert.equal(script.sockets.length, 0);
});

test("a URL that the WebSocket does not take is told in the iteration", async (t) => {
  class Picky {
    constructor() {
      throw new SyntaxError("no such scheme");
    }
  }
  const { read } = start(t, { WebSocket: Picky as never });
  const reader = read();
  await reader.ended;
  refused("invalid_request", reader.error, /WebSocket: no such scheme/);
});

describe("what does not go on from the cursor, or is no message, is not given out", () => {
  const cases: readonly (readonly [what: string, frame: unknown, words: RegExp])[] = [
    ["an item too far", JSON.stringify(item(6)), /item does not follow 4-/],
    ["another item in the last one's place", JSON.stringify(item(4, 1)), /item does not follow/],
    ["no JSON", "{", /not JSON/],
    ["binary", new Uint8Array(2), /not text/],
    ["no object", "7", /without a type/],
    ["an item without data", JSON.stringify({ type: "item", id: id(5), at: 1 }), /type item that is not whole/],
    ["an item without a good id", JSON.stringify({ type: "item", id: "5", at: 1, data: 1 }), /not whole/],
    ["a hello that skips", JSON.stringify(hello(id(9))), /hello does not follow/],
  ];
  for (const [what, frame, words] of cases) {
    test(what, async (t) => {
      const started = start(t);
      const reader = started.read();
      started.server().welcome(id(3));
      started.server().say(item(4));
      started.server().socket.frame(frame);
      assert.equal(waiting(started).reason, "broken");
      assert.match(waiting(started).message, words);
      assert.deepEqual(started.server().did, ["terminate"]);
      started.server().say(item(5));
      await started.clock.advance(1_000);
      assert.equal(started.server().welcome()["after"], id(4));
      started.server().say(item(5));
      await settle();
      assert.deepEqual(reader.data, [4, 5]);
    });
  }

  test("a hello of another stream", async (t) => {
    const started = start(t);
    started.server().welcome(id(3), { stream: "other" });
    assert.match(waiting(started).message, /another stream: other/);
  });
});

test("what is not known is ignored: types, fields, frames before hello, repeats", async (t) => {
  const { server, read, script } = start(t);
  const reader = read();
  const { socket } = server();
  socket.open(SUBPROTOCOL);
  socket.frame(JSON.stringify(item(77)));
  socket.frame('{"type":"weather","is":"fine"}');
  server().say({ ...hello(id(3)), mood: "good" } as never, item(4));
  socket.frame('{"type":"weather"}');
  socket.frame('{"type":"constructor"}');
  server().say(item(4), item(3), item(5));
  await settle();
  assert.deepEqual(reader.data, [4, 5]);
  assert.equal(script.sockets.length, 1);
});
