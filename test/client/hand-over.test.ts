import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { ConnectOptions, Gap } from "../../src/client.js";
import type { ServerMessage } from "../../src/protocol/messages.js";
import { hello, id, item, settle, start } from "./kit.js";

const SHUTDOWN: ServerMessage = { type: "shutdown", reconnectInMs: 2_000, closesInMs: 7_500 };

/** A client that has items 1 to 3 of a server that then says that it goes away. */
async function told(t: TestContext, options: ConnectOptions = {}) {
  const started = start(t, options);
  const reader = started.read();
  started.server().welcome(id(0));
  started.server().say(item(1), item(2), item(3), SHUTDOWN);
  await settle();
  return { ...started, reader, old: started.server(0) };
}

test("make before break: the old one is left when the next has given an item", async (t) => {
  const { clock, script, server, reader, old, statuses, client } = await told(t);
  const status = { server: "pod-1", version: "1.0.0", reconnectInMs: 2_000, closesInMs: 7_500, failed: 0 };
  assert.deepEqual(client.status.get(), { type: "handing_over", ...status });
  await clock.advance(1_999);
  assert.equal(script.sockets.length, 1, "not before its slot");
  old.say(item(4));
  await clock.advance(1);
  assert.equal(script.sockets.length, 2);
  assert.equal(server(1).accept()["after"], id(4));
  old.say(item(5));
  server(1).say(hello(id(4), { server: "pod-2", head: id(6) }));
  assert.deepEqual(old.did, []);
  server(1).say(item(5));
  assert.deepEqual(old.did, [], "a repeat is not yet the head");
  server(1).say(item(6));
  assert.deepEqual(old.did, ["close 1000"]);
  old.say(item(6), item(7));
  server(1).say(item(7));
  await settle();
  assert.deepEqual(reader.data, [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(statuses.at(-1), { type: "open", server: "pod-2", version: "1.0.0" });
  old.socket.closed(1000);
  assert.equal(client.status.get(), statuses.at(-1), "the end of the old one is nobody's concern");
});

test("with nothing new to come, the next one's hello is enough", async (t) => {
  const { clock, server, old, types } = await told(t);
  await clock.advance(2_000);
  server(1).welcome();
  assert.deepEqual(old.did, ["close 1000"]);
  assert.equal(types().at(-1), "open");
});

test("repeats up to the head at the next one's hello are enough too", async (t) => {
  const { clock, server, old } = await told(t);
  await clock.advance(2_000);
  server(1).accept();
  old.say(item(4), item(5));
  server(1).say(hello(id(3), { head: id(5) }), item(4));
  assert.deepEqual(old.did, []);
  server(1).say(item(5));
  assert.deepEqual(old.did, ["close 1000"]);
});

test("an old one that does not answer is dropped", async (t) => {
  const { clock, server, old } = await told(t);
  await clock.advance(2_000);
  server(1).welcome();
  await clock.advance(2_000);
  assert.deepEqual(old.did, ["close 1000", "terminate"]);
});

describe("when the next one fails", () => {
  test("the old one goes on, and there are other tries before it closes", async (t) => {
    const { clock, script, server, old, reader, client } = await told(t);
    await clock.advance(2_000);
    server(1).socket.refusal = { status: 503, retryAfter: "60" };
    server(1).socket.closed(1006);
    assert.equal(script.sockets.length, 2);
    const status = client.status.get();
    assert.ok(status.type === "handing_over");
    assert.deepEqual([status.failed, status.reconnectInMs, status.closesInMs], [1, 1_000, 5_500]);
    old.say(item(4));
    await clock.advance(1_000);
    assert.equal(script.sockets.length, 3);
    server(2).socket.closed(1006);
    await clock.advance(2_000);
    assert.equal(script.sockets.length, 4);
    assert.equal(server(3).welcome()["after"], id(4));
    assert.deepEqual(old.did, ["close 1000"]);
    await settle();
    assert.deepEqual(reader.data, [1, 2, 3, 4]);
  });

  test("and the old one stays on past its time, it is tried at the usual pace", async (t) => {
    const { clock, script, old, reader, server } = await told(t);
    await clock.advance(2_000);
    server().socket.closed(1006);
    await clock.advance(5_500);
    const tries = script.sockets.length;
    server().socket.closed(1006);
    await clock.advance(14_000);
    assert.ok(script.sockets.length <= tries + 1);
    old.say(item(4));
    await settle();
    assert.deepEqual(reader.data, [1, 2, 3, 4]);
  });

  test("until the old one closes, there is nowhere to go: it backs off, as all do who failed with it", async (t) => {
    const { clock, script, server, old, client } = await told(t);
    await clock.advance(2_000);
    server().socket.closed(1006);
    await clock.advance(1_000);
    server().socket.closed(1006);
    old.socket.closed(1012);
    const status = client.status.get();
    assert.ok(status.type === "waiting");
    assert.deepEqual([status.retryInMs, status.attempt], [4_000, 3]);
    await clock.advance(4_000);
    assert.equal(script.sockets.length, 4);
    assert.equal(server().welcome()["after"], id(3));
  });

  test("one that is refused for good ends the client", async (t) => {
    const { clock, server, reader, old } = await told(t);
    await clock.advance(2_000);
    server(1).accept();
    server(1).socket.closed(4403, "not you");
    await reader.ended;
    assert.match(String(reader.error), /not you/);
    assert.deepEqual(old.did, ["close 1000"]);
  });
});

describe("when the old one ends early", () => {
  test("before its slot: the slot is kept, and nothing cuts it short", async (t) => {
    const { clock, script, old, client, news } = await told(t);
    await clock.advance(500);
    old.socket.closed(1006);
    const status = client.status.get();
    assert.ok(status.type === "waiting");
    assert.equal(status.retryInMs, 1_500);
    news("wake");
    await clock.advance(1_499);
    assert.equal(script.sockets.length, 1);
    await clock.advance(1);
    assert.equal(script.sockets.length, 2);
  });

  test("while the next one is on its way: that one is waited for", async (t) => {
    const { clock, script, server, old, reader, client } = await told(t);
    await clock.advance(2_000);
    old.say({ type: "close", cursor: id(3) });
    old.socket.closed(1012);
    assert.equal(client.status.get().type, "connecting");
    assert.equal(server(1).welcome()["after"], id(3));
    server(1).say(item(4));
    await settle();
    assert.equal(client.status.get().type, "open");
    assert.deepEqual(reader.data, [1, 2, 3, 4]);
    assert.equal(script.sockets.length, 2);
  });

  test("while the next one catches up: that one goes on alone", async (t) => {
    const { clock, server, old, reader, client } = await told(t);
    await clock.advance(2_000);
    server(1).welcome(id(3), { head: id(9), server: "pod-2" });
    old.socket.closed(1006);
    assert.deepEqual(client.status.get(), { type: "open", server: "pod-2", version: "1.0.0" });
    server(1).say(item(4));
    await settle();
    assert.deepEqual(reader.data, [1, 2, 3, 4]);
  });
});

describe("a gap during the hand-over", () => {
  const gaps: Gap[] = [];
  const onGap = (gap: Gap) => void gaps.push(gap);

  test("told by the next one: it is kept, the old one is not read any more", async (t) => {
    gaps.length = 0;
    const { clock, server, old, reader } = await told(t, { onGap });
    await clock.advance(2_000);
    server(1).welcome(id(3), { head: id(9, 1) });
    const gap = { after: id(3), cursor: id(1, 1), reason: "replaced" } as const;
    server(1).say({ type: "gap", ...gap });
    assert.deepEqual(old.did, ["close 1000"]);
    old.say(item(4));
    server(1).say(item(2, 1));
    await settle();
    assert.deepEqual(gaps, [gap]);
    assert.deepEqual(
      reader.items.map((item) => item.id),
      [id(1), id(2), id(3), id(2, 1)],
    );
  });

  test("told by the old one: the next is not read, and another is made from the gap's cursor", async (t) => {
    gaps.length = 0;
    const { clock, server, old, reader } = await told(t, { onGap });
    await clock.advance(2_000);
    server(1).welcome(id(3), { head: id(9) });
    const gap = { after: id(3), cursor: id(1, 1), reason: "replaced" } as const;
    old.say({ type: "gap", ...gap });
    assert.deepEqual(server(1).did, ["close 1000"]);
    server(1).say(item(4));
    old.say(item(2, 1));
    await clock.advance(0);
    assert.equal(server(2).accept()["after"], id(2, 1));
    await settle();
    assert.deepEqual(gaps, [gap]);
    assert.deepEqual(reader.data, [1, 2, 3, 2]);
  });

  test("is told from where the application stands, not from where the next one was started", async (t) => {
    gaps.length = 0;
    const { clock, server, old, reader } = await told(t, { onGap });
    await clock.advance(2_000);
    server(1).accept();
    old.say(item(4));
    server(1).say(
      hello(id(3), { head: id(9) }),
      { type: "gap", after: id(3), cursor: id(6), reason: "trimmed" },
      item(7),
    );
    await settle();
    assert.deepEqual(gaps, [{ after: id(4), cursor: id(6), reason: "trimmed" }]);
    assert.deepEqual(reader.data, [1, 2, 3, 4, 7]);
  });

  test("of items that the old one has given: it is none", async (t) => {
    gaps.length = 0;
    const { clock, server, old, reader } = await told(t, { onGap });
    await clock.advance(2_000);
    server(1).accept();
    old.say(item(4), item(5), item(6));
    server(1).say(hello(id(3), { head: id(6) }), { type: "gap", after: id(3), cursor: id(5), reason: "trimmed" });
    server(1).say(item(6), item(7));
    await settle();
    assert.deepEqual(gaps, []);
    assert.deepEqual(reader.data, [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(old.did, ["close 1000"]);
  });
});

test("a next one that goes away as well is left in its own slot", async (t) => {
  const { clock, script, server, reader, client } = await told(t);
  await clock.advance(2_000);
  server(1).accept();
  server(1).say(hello(id(3)), SHUTDOWN, item(4));
  const status = client.status.get();
  assert.ok(status.type === "handing_over");
  await clock.advance(2_000);
  assert.equal(script.sockets.length, 3);
  assert.equal(server(2).welcome()["after"], id(4));
  server(2).say(item(5));
  await settle();
  assert.equal(client.status.get().type, "open");
  assert.deepEqual(reader.data, [1, 2, 3, 4, 5]);
});

test("1012 without a shutdown is come back from at once", async (t) => {
  const { clock, script, server } = start(t);
  server().welcome(id(0));
  server().say(item(1));
  server().socket.closed(1012);
  await clock.advance(0);
  assert.equal(script.sockets.length, 2);
});

test("a closed client leaves both", async (t) => {
  const { clock, server, old, client } = await told(t);
  await clock.advance(2_000);
  server(1).welcome(id(3), { head: id(9) });
  void client.close();
  assert.deepEqual([old.did, server(1).did], [["close 1000"], ["close 1000"]]);
});
