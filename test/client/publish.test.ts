import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ErrorMessage, ServerMessage } from "../../src/protocol/messages.js";
import { hello, id, settle, start } from "./kit.js";

const ack = (key: unknown, n: number): ServerMessage => ({ type: "ack", key: String(key), id: id(n) });
const error = (key: unknown, code: ErrorMessage["code"], retryable: boolean): ServerMessage => ({
  type: "error",
  key: String(key),
  code,
  message: `it is ${code}`,
  retryable,
});

test("a publish settles with its id; acks come in any order", async (t) => {
  const { client, server } = start(t);
  const early = client.publish({ a: 1 });
  server().welcome(id(3));
  const late = client.publish("two", { key: "mine" });
  const [first, second] = server().heard();
  assert.deepEqual(first, { type: "publish", key: first?.["key"], data: { a: 1 } });
  assert.match(String(first?.["key"]), /^[0-9a-f]{32}$/);
  assert.deepEqual(second, { type: "publish", key: "mine", data: "two" });
  server().say(ack("mine", 5), ack("nobody's", 9), ack(first?.["key"], 4), ack("mine", 6));
  assert.deepEqual(await Promise.all([early, late]), [id(4), id(5)]);
});

test("what has no answer is sent again after a reconnect, oldest first, with its key", async (t) => {
  const { client, server, clock } = start(t);
  server().welcome(id(3));
  const all = Promise.all(["a", "b", "c"].map((key) => client.publish(key, { key })));
  server().say(ack("b", 5));
  server().heard();
  server().socket.closed(1006);
  const late = client.publish("d", { key: "d" });
  await clock.advance(1_000);
  server().accept();
  assert.deepEqual(server().heard(), [], "not before hello");
  server().say(hello(id(3)));
  assert.deepEqual(
    server()
      .heard()
      .map(({ key }) => key),
    ["a", "c", "d"],
  );
  server().say(ack("a", 4), ack("c", 6), ack("d", 7));
  assert.deepEqual(await all, [id(4), id(5), id(6)]);
  assert.equal(await late, id(7));
});

test("in a hand-over it goes on out to the old server, and what that has not answered to the next", async (t) => {
  const { client, server, clock } = start(t);
  server().welcome(id(3));
  server().say({ type: "shutdown", reconnectInMs: 1_000, closesInMs: 5_000 });
  const [a, b] = ["a", "b"].map((key) => client.publish(key, { key }));
  await clock.advance(1_000);
  server(1).welcome(id(3), { head: id(9) });
  const c = client.publish("c", { key: "c" });
  assert.deepEqual(
    server(0)
      .heard()
      .map(({ key }) => key),
    ["a", "b", "c"],
  );
  assert.deepEqual(server(1).heard(), []);
  server(0).say(ack("a", 4));
  server(1).say({ type: "item", id: id(4), at: 1, data: "a" });
  assert.deepEqual(server(0).did, ["close 1000"]);
  assert.deepEqual(
    server(1)
      .heard()
      .map(({ key }) => key),
    ["b", "c"],
  );
  server(1).say(ack("b", 5), ack("c", 6));
  assert.deepEqual(await Promise.all([a, b, c]), [id(4), id(5), id(6)]);
});

for (const code of ["key_reused", "too_large", "reserved"] as const) {
  test(`refused for good (${code}): rejects at once`, async (t) => {
    const { client, server, clock } = start(t);
    server().welcome(id(3));
    const publish = client.publish("x", { key: "k" });
    server().say(error("k", code, false));
    await assert.rejects(publish, { code, message: `it is ${code}`, detail: { key: "k", code } });
    assert.equal(clock.pending.length, 1, "only the watch over the connection");
  });
}

test("a code that is not known here is told in the detail", async (t) => {
  const { client, server } = start(t);
  server().welcome(id(3));
  const publish = client.publish("x", { key: "k" });
  server().say(error("k", "constructor" as never, false));
  await assert.rejects(publish, { code: "invalid_request", detail: { key: "k", code: "constructor" } });
});

test("refused for now: again after a backoff, or after a reconnect that comes first", async (t) => {
  const { client, server, clock } = start(t);
  server().welcome(id(3));
  const publish = client.publish("x", { key: "k" });
  const sent = () => server().heard().length;
  assert.equal(sent(), 1);
  for (const ms of [1_000, 2_000]) {
    server().say(error("k", "journal_unavailable", true));
    await clock.advance(ms - 1);
    assert.equal(sent(), 0);
    await clock.advance(1);
    assert.equal(sent(), 1);
  }
  server().say(error("k", "journal_unavailable", true));
  server().socket.closed(1012);
  await clock.advance(0);
  server().welcome();
  assert.equal(sent(), 1);
  await clock.advance(10_000);
  assert.equal(sent(), 0, "the backoff of before is taken back");
  server().say(ack("k", 4));
  assert.equal(await publish, id(4));
});

describe("past the time in which the server knows the key", () => {
  test("a publish without an answer has an unknown outcome", async (t) => {
    const { client, server, clock } = start(t);
    server().welcome(id(3), { heartbeatMs: 100_000, keyTtlMs: 50_000 });
    const publish = assert.rejects(client.publish("x", { key: "k" }), {
      code: "unknown_outcome",
      detail: { key: "k" },
    });
    await clock.advance(49_999);
    server().say(error("k", "journal_unavailable", true));
    await clock.advance(1);
    await publish;
    server().heard();
    server().socket.closed(1012);
    await clock.advance(1_000);
    server().welcome();
    assert.deepEqual(server().heard(), [], "it is not sent any more");
  });

  test("the wall clock counts too: the other one may stand still while the host sleeps", async (t) => {
    let asleep = 0;
    const { client, server, clock } = start(t);
    const { epoch } = clock;
    clock.epoch = () => epoch.call(clock) + asleep;
    server().welcome(id(3));
    const publish = assert.rejects(client.publish("x", { key: "k" }), { code: "unknown_outcome" });
    server().socket.closed(1012);
    asleep = 120_000;
    await clock.advance(0);
    server().welcome();
    await publish;
    assert.deepEqual(server().heard(), []);
  });

  test("one that was never sent waits on", async (t) => {
    const { client, server, clock, news } = start(t);
    const publish = client.publish("x", { key: "k" });
    await clock.advance(200_000);
    news("wake");
    server().welcome(id(3));
    server().say(ack("k", 4));
    assert.equal(await publish, id(4));
  });
});

test("what is too large for the server is not sent, measured in bytes", async (t) => {
  const { client, server } = start(t);
  const early = assert.rejects(client.publish("é".repeat(50)), { code: "too_large" });
  server().welcome(id(3), { maxBytes: 100 });
  await early;
  await assert.rejects(client.publish("💥".repeat(25)), {
    code: "too_large",
    detail: { bytes: 102, maxBytes: 100 },
  });
  void client.publish("é".repeat(49), { key: "k" }).catch(() => {});
  void client.publish("€".repeat(32), { key: "k2" }).catch(() => {});
  assert.equal(server().heard().length, 2);
});

describe("what cannot be published", () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const cases: readonly (readonly [what: string, data: unknown, key: string | undefined])[] = [
    ["undefined", undefined, undefined],
    ["a function", () => {}, undefined],
    ["a circle", circle, undefined],
    ["a bigint", 1n, undefined],
    ["an empty key", 1, ""],
    ["a long key", 1, "k".repeat(201)],
    ["half a character in the key, which a server ends the connection for", 1, "k\ud83d"],
    ["a key that is no text", 1, 5 as never],
  ];
  for (const [what, data, key] of cases) {
    test(what, async (t) => {
      const { client } = start(t);
      await assert.rejects(client.publish(data, { key }), { name: "LastcallError", code: "invalid_request" });
    });
  }
});

test("the same key while it waits: the same data is the same publish, other data is refused", async (t) => {
  const { client, server } = start(t);
  server().welcome(id(3));
  const one = client.publish({ a: 1 }, { key: "k" });
  const same = client.publish({ a: 1 }, { key: "k" });
  await assert.rejects(client.publish({ a: 2 }, { key: "k" }), { code: "key_reused" });
  assert.equal(server().heard().length, 1);
  server().say(ack("k", 4));
  assert.deepEqual(await Promise.all([one, same]), [id(4), id(4)]);
});

test("whoever gives up one that others wait for as well gives up alone", async (t) => {
  const { client, server } = start(t);
  server().welcome(id(3));
  const abort = new AbortController();
  const impatient = client.publish("x", { key: "k", signal: abort.signal });
  const patient = client.publish("x", { key: "k" });
  abort.abort();
  await assert.rejects(impatient, { code: "unknown_outcome", message: "aborted" });
  server().say(ack("k", 4));
  assert.equal(await patient, id(4));
});

test("one that everybody has given up is not sent again", async (t) => {
  const { client, server, clock } = start(t);
  const abort = new AbortController();
  const all = ["first", "second"].map(() => client.publish("x", { key: "k", signal: abort.signal }));
  abort.abort();
  for (const publish of all) await assert.rejects(publish, { code: "cancelled" });
  server().welcome(id(3));
  assert.deepEqual(server().heard(), []);
  assert.equal(clock.pending.length, 1, "only the watch over the connection");
});

test("data is taken as it is when publish is called", async (t) => {
  const { client, server } = start(t);
  const data = { a: 1 };
  void client.publish(data).catch(() => {});
  data.a = 2;
  server().welcome(id(3));
  assert.deepEqual(server().heard()[0]?.["data"], { a: 1 });
});

describe("signal", () => {
  test("aborted before it was sent: cancelled, and never sent", async (t) => {
    const { client, server } = start(t);
    const abort = new AbortController();
    const publish = client.publish("x", { signal: abort.signal });
    abort.abort();
    await assert.rejects(publish, { code: "cancelled" });
    await assert.rejects(client.publish("y", { signal: abort.signal }), { code: "cancelled" });
    server().welcome(id(3));
    assert.deepEqual(server().heard(), []);
  });

  test("aborted after it was sent: nobody knows", async (t) => {
    const { client, server } = start(t);
    server().welcome(id(3));
    const abort = new AbortController();
    const publish = client.publish("x", { key: "k", signal: abort.signal });
    abort.abort();
    await assert.rejects(publish, { code: "unknown_outcome" });
    server().say(ack("k", 4));
  });

  test("a settled publish leaves no listener behind", async (t) => {
    const { client, server } = start(t);
    server().welcome(id(3));
    let listeners = 0;
    const signal = {
      aborted: false,
      addEventListener: () => {
        listeners += 1;
      },
      removeEventListener: () => {
        listeners -= 1;
      },
    };
    const publish = client.publish("x", { key: "k", signal });
    assert.equal(listeners, 1);
    server().say(ack("k", 4));
    await publish;
    assert.equal(listeners, 0);
  });
});

test("close settles what is pending: sent or not decides how", async (t) => {
  const { client, server } = start(t);
  server().welcome(id(3));
  const sent = assert.rejects(client.publish("x"), { code: "unknown_outcome" });
  server().socket.closed(1006);
  const unsent = assert.rejects(client.publish("y"), { code: "cancelled" });
  void client.close();
  await Promise.all([sent, unsent]);
  await assert.rejects(client.publish("z"), { code: "cancelled", message: "the client is closed" });
  await settle();
});
