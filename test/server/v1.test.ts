import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LastcallError } from "../../src/base/errors.js";
import { MAX_KEY_LENGTH } from "../../src/protocol/messages.js";
import { type Message, V1Socket } from "../support/v1-socket.js";
import { altered, BRIEF, listen, memory, post, postRaw, refusedUpgrade } from "./kit.js";

const limit = { timeout: 30_000 };

interface Kept {
  readonly id: string;
  readonly data: unknown;
}

async function kept(url: string, stream = "main"): Promise<readonly Kept[]> {
  const response = await fetch(`${url}/items?stream=${stream}&limit=1000`);
  const { items } = (await response.json()) as { items: readonly Kept[] };
  return items;
}

const given = (socket: V1Socket) => socket.items.map(({ id, data }) => ({ id, data }));

describe("lastcall.v1 is negotiated", limit, () => {
  for (const offered of [
    ["lastcall.v1"],
    ["mqtt", "lastcall.v1"],
    ["lastcall.v1", "mqtt"],
    ["a", "lastcall.v1", "b"],
  ]) {
    test(`when ${offered.join(", ")} is offered`, async (t) => {
      const { app, ws } = await listen(t, { budget: BRIEF });
      const socket = await V1Socket.connect(t, ws, offered);
      assert.equal(socket.protocol, "lastcall.v1");
      socket.send({ type: "start" });
      await socket.message("hello");
      assert.deepEqual(
        [...app.lastcall.roster].map(({ protocol }) => protocol),
        ["lastcall.v1"],
      );
    });
  }

  test("and nothing that looks like it", async (t) => {
    const { app, ws } = await listen(t, { budget: BRIEF });
    for (const offered of ["LASTCALL.V1", "lastcall.v1x", "lastcall", "lastcall.v2", "mqtt, lastcall.v10"]) {
      const { status, body } = await refusedUpgrade(ws, offered);
      assert.deepEqual([status, body.code], [400, "unsupported_subprotocol"], offered);
      assert.ok(body.message.includes(offered), "it says what it does not speak");
    }
    assert.equal(app.lastcall.roster.size, 0);
  });
});

describe("hello", limit, () => {
  test("says what the server was set up with, and where the stream stands", async (t) => {
    const { url, ws } = await listen(t, {
      budget: BRIEF,
      name: "pod-7",
      version: "1.2.3",
      heartbeatMs: 4_000,
      maxItemBytes: 1_000,
      journal: memory({ keyTtlMs: 9_000 }),
    });
    const head = await post(url, "1", "news");
    const socket = await V1Socket.open(t, ws, { stream: "news" });
    assert.deepEqual(socket.messages, [
      {
        type: "hello",
        server: "pod-7",
        version: "1.2.3",
        stream: "news",
        cursor: head,
        head,
        heartbeatMs: 4_000,
        maxBytes: 1_000,
        keyTtlMs: 9_000,
      },
    ]);
  });

  test("follows the start alone: the address does not say where a v1 client begins", async (t) => {
    const { url, ws } = await listen(t, { budget: BRIEF });
    const head = await post(url, "1");
    const socket = await V1Socket.open(t, `${ws}?stream=other&after=oldest`);
    const { stream, cursor } = await socket.message("hello");
    assert.deepEqual([stream, cursor], ["main", head]);
  });
});

describe("a stream", limit, () => {
  test("is made by a start that names it; its items are its own", async (t) => {
    const { url, ws } = await listen(t, { budget: BRIEF });
    const longest = "a".repeat(64);
    const names = ["0", "A.b_c-1", longest];
    const sockets = await Promise.all(names.map((stream) => V1Socket.open(t, ws, { stream })));
    for (const name of ["main", ...names]) await post(url, JSON.stringify(name), name);
    for (const [i, socket] of sockets.entries()) {
      await socket.nth("item", 1);
      assert.deepEqual(
        socket.items.map(({ data }) => data),
        [names[i]],
      );
    }
  });

  test("has a name of the documented form, or the connection ends with 4400 and the form", async (t) => {
    const { url, ws } = await listen(t, { budget: BRIEF });
    for (const stream of ["", "a/b", "-a", ".a", "a b", "ä", "a".repeat(65)]) {
      const socket = await V1Socket.connect(t, ws);
      socket.send({ type: "start", stream });
      const { code, reason } = await socket.closed;
      assert.equal(code, 4400, stream);
      assert.match(reason, /^invalid_request: stream: expected 1 to 64 letters/);
      assert.deepEqual(socket.messages, []);
    }
    assert.equal((await fetch(`${url}/items`)).status, 200);
  });

  test("one too many: 1013 says so; those there are go on", async (t) => {
    const { url, ws } = await listen(t, { budget: BRIEF, journal: memory({ maxStreams: 2 }) });
    const first = await V1Socket.open(t, ws, { stream: "first" });
    await V1Socket.open(t, ws, { stream: "second" });
    const third = await V1Socket.connect(t, ws);
    third.send({ type: "start", stream: "third" });
    const { code, reason } = await third.closed;
    assert.equal(code, 1013);
    assert.match(reason, /^too_many_streams: /);
    assert.deepEqual(third.messages, []);
    const id = await post(url, "1", "first");
    assert.equal((await first.message("item"))["id"], id);
    await V1Socket.open(t, ws, { stream: "first" });
  });
});

describe("a cursor", limit, () => {
  test("that is none: 4400 and the form; the journal is not asked", async (t) => {
    const journal = memory();
    const asked: string[] = [];
    const { ws } = await listen(t, {
      budget: BRIEF,
      journal: altered(journal, {
        read: (stream, after, ...rest) => {
          asked.push(after);
          return journal.read(stream, after, ...rest);
        },
      }),
    });
    for (const after of ["", "x", "1", "1-", "01-abcdefgh", "-1-abcdefgh", "1-ABCDEFGH", "1-abcdefghi", "NOW"]) {
      const socket = await V1Socket.connect(t, ws);
      socket.send({ type: "start", after });
      const { code, reason } = await socket.closed;
      assert.equal(code, 4400, after);
      assert.equal(reason, "invalid_request: after: expected an item's id, `oldest` or `now`");
    }
    assert.deepEqual(asked, []);
  });

  test("that was trimmed: hello as asked, the gap, what is left; counted", async (t) => {
    const { app, url, ws } = await listen(t, { budget: BRIEF, journal: memory({ retentionItems: 2 }) });
    const ids: string[] = [];
    for (const data of ["1", "2", "3", "4"]) ids.push(await post(url, data));
    const socket = await V1Socket.open(t, ws, { after: ids[0] });
    await socket.nth("item", 2);
    const [hello, gap, ...items] = socket.messages;
    assert.deepEqual([hello?.["cursor"], hello?.["head"]], [ids[0], ids[3]]);
    assert.deepEqual(gap, { type: "gap", after: ids[0], cursor: ids[1], reason: "trimmed" });
    assert.deepEqual(
      items.map(({ id }) => id),
      ids.slice(2),
    );
    const metrics = await app.lastcall.metrics.registry.metrics();
    assert.match(metrics, /^lastcall_gaps_total\{reason="trimmed"\} 1$/m);
    assert.match(metrics, /^lastcall_replays_total 1$/m);
  });
});

describe("publish", limit, () => {
  test("is acked with the id under which everybody gets it; the key again gives the same id, and no second item", async (t) => {
    const { app, url, ws } = await listen(t, { budget: BRIEF });
    const one = await V1Socket.open(t, ws, { stream: "chat" });
    const two = await V1Socket.open(t, ws, { stream: "chat" });
    one.send({ type: "publish", key: "k", data: { n: 1 } });
    const { id } = await one.message("ack", { key: "k" });
    two.send({ type: "publish", key: "k", data: { n: 1 } });
    assert.equal((await two.message("ack", { key: "k" }))["id"], id);
    // All clients are one publisher, whatever they speak.
    const posted = await postRaw(url, `{"n":1}`, { stream: "chat", key: "k" });
    assert.deepEqual([posted.status, await posted.json()], [200, { id }]);
    const last = await post(url, `"last"`, "chat");
    const expected = [
      { id, data: { n: 1 } },
      { id: last, data: "last" },
    ];
    for (const socket of [one, two]) {
      await socket.nth("item", 2);
      assert.deepEqual(given(socket), expected);
    }
    assert.deepEqual(
      (await kept(url, "chat")).map(({ id, data }) => ({ id, data })),
      expected,
    );
    const metrics = await app.lastcall.metrics.registry.metrics();
    assert.match(metrics, /^lastcall_published_total\{result="repeated"\} 2$/m);
    // Two starts, two publishes.
    assert.match(metrics, /^lastcall_messages_received_total\{protocol="lastcall.v1"\} 4$/m);
    assert.match(metrics, /^lastcall_items_sent_total\{protocol="lastcall.v1"\} 4$/m);
  });

  test("of other data under a used key is refused, from wherever the key was used; the connection goes on", async (t) => {
    const { url, ws } = await listen(t, { budget: BRIEF });
    assert.equal((await postRaw(url, "1", { key: "k" })).status, 201);
    const socket = await V1Socket.open(t, ws);
    socket.send({ type: "publish", key: "k", data: 2 });
    const { code, retryable } = await socket.message("error", { key: "k" });
    assert.deepEqual([code, retryable], ["key_reused", false]);
    socket.send({ type: "publish", key: "other", data: 2 });
    await socket.message("ack", { key: "other" });
    assert.deepEqual(
      (await kept(url)).map(({ data }) => data),
      [1, 2],
    );
  });

  test("of the largest item under the longest key fits into a frame; a byte more of data is too_large", async (t) => {
    const maxItemBytes = 70_000;
    const { url, ws } = await listen(t, { budget: BRIEF, maxItemBytes });
    const socket = await V1Socket.open(t, ws);
    // Every character of the key escaped, and the members in the least favourable form.
    const key = "\\u0001".repeat(MAX_KEY_LENGTH);
    const data = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
    socket.sendText(`{ "type" : "publish" , "key" : "${key}" , "data" : ${data(maxItemBytes)} }`);
    await socket.message("ack", { key: "\u0001".repeat(MAX_KEY_LENGTH) });
    socket.sendText(`{"type":"publish","key":"larger","data":${data(maxItemBytes + 1)}}`);
    const { code, retryable, message } = await socket.message("error", { key: "larger" });
    assert.deepEqual([code, retryable], ["too_large", false]);
    assert.match(String(message), /70000 bytes.* 70001/);
    assert.equal((await kept(url)).length, 1);
  });

  test("in a frame that cannot hold an item: 1009, and nothing of it is published", async (t) => {
    const { url, ws } = await listen(t, { budget: BRIEF, maxItemBytes: 1_000 });
    const socket = await V1Socket.open(t, ws);
    socket.send({ type: "publish", key: "k", data: "x".repeat(4_000) });
    assert.equal((await socket.closed).code, 1009);
    assert.deepEqual(await kept(url), []);
  });

  test("of the text protocol's words is reserved, in any spelling of JSON", async (t) => {
    const { url, ws } = await listen(t, { budget: BRIEF });
    const socket = await V1Socket.open(t, ws);
    for (const [i, data] of [`"CLOSE"`, `"SHUTDOWN"`, ` "\\u0043LOSE"`].entries()) {
      socket.sendText(`{"type":"publish","key":"${i}","data":${data}}`);
      const { code, retryable } = await socket.message("error", { key: `${i}` });
      assert.deepEqual([code, retryable], ["reserved", false], data);
    }
    assert.deepEqual(await kept(url), []);
  });

  test("while the journal is away is refused as retryable; sent again, it is taken", async (t) => {
    const journal = memory();
    let away = true;
    const { ws } = await listen(t, {
      budget: BRIEF,
      journal: altered(journal, {
        append: (...args) => {
          if (away) return Promise.reject(new LastcallError("journal_unavailable", "the journal does not answer"));
          return journal.append(...args);
        },
      }),
    });
    const socket = await V1Socket.open(t, ws);
    const message: Message = { type: "publish", key: "k", data: 1 };
    socket.send(message);
    const { code, retryable } = await socket.message("error", { key: "k" });
    assert.deepEqual([code, retryable], ["journal_unavailable", true]);
    away = false;
    socket.send(message);
    const { id } = await socket.message("ack", { key: "k" });
    assert.equal((await socket.message("item"))["id"], id);
  });
});

test("a v1 client counts against `maxConnections`, and is refused before the upgrade", limit, async (t) => {
  const { app, ws, log } = await listen(t, { budget: BRIEF, maxConnections: 1 });
  const first = await V1Socket.connect(t, ws);
  const { status, body, headers } = await refusedUpgrade(ws, "lastcall.v1");
  assert.deepEqual([status, body.code, headers["retry-after"]], [503, "overloaded", "1"]);
  first.close();
  await log.line("Client disconnected");
  await V1Socket.open(t, ws);
  assert.equal(app.lastcall.roster.size, 1);
});
