import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { deferred } from "../../src/base/deferred.js";
import { ManualClock } from "../support/manual-clock.js";
import { altered, listen, memory, post, rawConnection, refusedUpgrade } from "./kit.js";
import { TextClient } from "./text-client.js";

describe("GET /ws", () => {
  test("gives every client the same items in the same order, from its connection on", async (t) => {
    const { url, ws } = await listen(t);
    await post(url, `"before"`);
    const early = await Promise.all([1, 2, 3].map(() => TextClient.connect(t, ws)));
    const sent: string[] = [];
    const say = async (text: string) => {
      sent.push(text);
      await post(url, JSON.stringify(text));
    };
    for (let i = 0; i < 20; i += 1) await say(`item ${i}`);
    await early[0]?.atLeast(20);
    const late = await TextClient.connect(t, ws);
    await say("after");
    for (const client of early) assert.deepEqual(await client.atLeast(21), sent);
    assert.deepEqual(await late.atLeast(1), ["after"]);
  });

  test("does not reorder what many publish at once", async (t) => {
    const { url, ws } = await listen(t);
    const clients = await Promise.all([1, 2].map(() => TextClient.connect(t, ws)));
    await Promise.all(Array.from({ length: 50 }, (_, i) => post(url, `${i}`)));
    const { items } = (await (await fetch(`${url}/items`)).json()) as { items: { data: number }[] };
    const order = items.map(({ data }) => `${data}`);
    for (const client of clients) assert.deepEqual(await client.atLeast(50), order);
  });

  test("`after` an id gives what followed it and goes on; `oldest` gives all; `now` nothing old", async (t) => {
    const { url, ws } = await listen(t);
    const ids = [await post(url, `"1"`), await post(url, `"2"`), await post(url, `"3"`)];
    const after = await TextClient.connect(t, `${ws}?after=${ids[0]}`);
    const head = await TextClient.connect(t, `${ws}?after=${ids[2]}`);
    const oldest = await TextClient.connect(t, `${ws}?after=oldest`);
    const now = await TextClient.connect(t, `${ws}?after=now`);
    await post(url, `"4"`);
    assert.deepEqual(await after.atLeast(3), ["2", "3", "4"]);
    assert.deepEqual(await oldest.atLeast(4), ["1", "2", "3", "4"]);
    assert.deepEqual(await head.atLeast(1), ["4"]);
    assert.deepEqual(await now.atLeast(1), ["4"]);
  });

  test("replays more than a page, and joins the live items without a hole or a repeat", async (t) => {
    const journal = memory();
    const { url, ws } = await listen(t, { journal });
    const count = 1_500;
    const items = Array.from({ length: count }, (_, i) => ({ publisher: "p", key: `${i}`, data: `${i}` }));
    await journal.append("main", items);
    const client = await TextClient.connect(t, `${ws}?after=oldest`);
    const live = Array.from({ length: 20 }, (_, i) => `${count + i}`);
    for (const data of live) await post(url, data);
    assert.deepEqual(await client.atLeast(count + 20), [...items.map(({ data }) => data), ...live]);
  });

  test("streams do not mix", async (t) => {
    const { url, ws } = await listen(t);
    const main = await TextClient.connect(t, ws);
    const a = await TextClient.connect(t, `${ws}?stream=a`);
    const b = await TextClient.connect(t, `${ws}?stream=b&after=oldest`);
    for (const stream of ["a", "b", "main", "a", "b", "main"]) await post(url, JSON.stringify(stream), stream);
    assert.deepEqual(await a.atLeast(2), ["a", "a"]);
    assert.deepEqual(await b.atLeast(2), ["b", "b"]);
    assert.deepEqual(await main.atLeast(2), ["main", "main"]);
  });

  test("logs who connects and leaves with the count of clients, and what they say", async (t) => {
    const { app, ws, log } = await listen(t);
    const client = await TextClient.connect(t, ws);
    assert.equal((await log.line("Client connected"))["clients"], 1);
    client.socket.send("x".repeat(500));
    const said = await log.line("Received message");
    assert.equal(said["characters"], 500);
    assert.equal(said["message"], `${"x".repeat(200)}…`);
    assert.match(String(said["peer"]), /^127\.0\.0\.1:\d+$/);
    client.socket.close(1000);
    const left = await log.line("Client disconnected");
    assert.deepEqual([left["clients"], left["fate"]], [0, "gone"]);
    assert.equal(app.lastcall.roster.size, 0);
  });

  test("what clients send is not published unless it is asked for", async (t) => {
    const { app, ws, log } = await listen(t);
    const client = await TextClient.connect(t, ws);
    client.socket.send("hello");
    await log.line("Received message");
    await app.lastcall.publisher.settle();
    assert.deepEqual(
      await app.lastcall.options.journal
        .read("main", "oldest", 1)
        .then((page) => page.type === "entries" && page.entries),
      [],
    );
  });

  test("with `textPublish` it is, as a string, in the client's own stream; the protocol's words are not", async (t) => {
    const { ws, log } = await listen(t, { textPublish: true });
    const one = await TextClient.connect(t, `${ws}?stream=chat`);
    const two = await TextClient.connect(t, `${ws}?stream=chat`);
    const other = await TextClient.connect(t, ws);
    for (const text of ["CLOSE", `hello "you"`, `{"a":1}`]) one.socket.send(text);
    assert.deepEqual(await two.atLeast(2), [`hello "you"`, `{"a":1}`]);
    assert.deepEqual(await one.atLeast(2), two.received);
    assert.deepEqual(other.received, []);
    const { err } = await log.line("A client's message was not published");
    assert.match(JSON.stringify(err), /reserved/);
  });

  test("no more is read from a client while much of what it said is on its way into the journal", async (t) => {
    const journal = memory();
    const away = deferred();
    const append: typeof journal.append = async (...args) => {
      await away.promise;
      return journal.append(...args);
    };
    const { app, url, ws } = await listen(t, { journal: altered(journal, { append }), textPublish: true });
    const { publisher } = app.lastcall;
    const client = await TextClient.connect(t, ws);
    const texts = Array.from({ length: 4_000 }, (_, i) => `${i} ${"x".repeat(1_000)}`);
    for (const text of texts) client.socket.send(text);
    while (publisher.pending() < 200) await fetch(`${url}/health`);
    // Many turns of the event loop, in which the rest would come.
    for (let i = 0; i < 50; i += 1) await fetch(`${url}/health`);
    // What one read of the socket brings, 64 KB, is taken as a whole.
    assert.ok(publisher.pending() <= 256 + 64, `${publisher.pending()} under way`);
    away.resolve();
    assert.deepEqual(await client.atLeast(texts.length), texts);
  });

  test("a frame above the limit is answered with 1009, one at the limit is read", async (t) => {
    const { ws, log } = await listen(t, { maxItemBytes: 100 });
    const client = await TextClient.connect(t, ws);
    client.socket.send("x".repeat(100));
    await log.line("Received message");
    // A publish of 100 bytes of data is a larger frame, and must fit too.
    client.socket.send("x".repeat(100 + 2_049));
    assert.equal(await client.closed, 1009);
  });

  test("a binary frame is answered with 1003, and nothing more is given", async (t) => {
    const { url, ws } = await listen(t);
    const client = await TextClient.connect(t, ws);
    client.socket.send(Buffer.from([1, 2, 3]));
    assert.equal(await client.closed, 1003);
    await post(url, `"late"`);
    assert.deepEqual(client.received, []);
  });

  test("a gap met while connected ends the session with CLOSE and 1012", async (t) => {
    const journal = memory();
    let replaced = false;
    const gate = deferred();
    const head = await journal.head("main");
    const lost = { type: "gap", after: head, cursor: head, reason: "replaced", head } as const;
    const { ws } = await listen(t, {
      journal: altered(journal, {
        async *follow(stream, after, signal) {
          await gate.promise;
          replaced = true;
          yield lost;
          yield* journal.follow(stream, after, signal);
        },
      }),
    });
    const client = await TextClient.connect(t, ws);
    gate.resolve();
    assert.equal(await client.closed, 1012);
    assert.deepEqual(client.received, ["CLOSE"]);
    assert.equal(replaced, true);
  });
});

describe("GET /ws refuses", () => {
  test("a cursor that the journal does not hold, before the upgrade", async (t) => {
    const { url, ws } = await listen(t, { journal: memory({ retentionItems: 1 }) });
    const ids = [await post(url, "1"), await post(url, "2")];
    const trimmed = await refusedUpgrade(`${ws}?after=0-00000000`);
    assert.equal(trimmed.status, 410);
    assert.deepEqual([trimmed.body.code, trimmed.body["reason"], trimmed.body["cursor"]], ["gap", "trimmed", ids[0]]);
    const replaced = await refusedUpgrade(`${ws}?after=2-00000000`);
    assert.equal(replaced.status, 410);
    assert.deepEqual([replaced.body["reason"], replaced.body["cursor"]], ["replaced", ids[1]]);
    // Where it is told to go on is a cursor.
    const client = await TextClient.connect(t, `${ws}?after=${trimmed.body["cursor"]}`);
    assert.deepEqual(await client.atLeast(1), ["2"]);
  });

  test("subprotocols it does not speak, one or several", async (t) => {
    const { ws } = await listen(t);
    for (const offered of ["mqtt", "mqtt, soap", "text", "lastcall.v9,mqtt"]) {
      const { status, body } = await refusedUpgrade(ws, offered);
      assert.deepEqual([status, body.code], [400, "unsupported_subprotocol"], offered);
    }
  });

  test("positions and streams that are none", async (t) => {
    const { ws } = await listen(t);
    for (const query of ["after=x", "after=", "stream=a%2Fb", "stream=", "stream=a&stream=b"]) {
      const { status, body } = await refusedUpgrade(`${ws}?${query}`);
      assert.deepEqual([status, body.code, typeof body.message], [400, "invalid_request", "string"], query);
    }
  });

  test("whoever does not ask for an upgrade, with 426 and what to ask for", async (t) => {
    const { url } = await listen(t);
    const response = await fetch(`${url}/ws`);
    assert.equal(response.status, 426);
    assert.equal(((await response.json()) as { code: string }).code, "upgrade_required");
    assert.equal(response.headers.get("upgrade"), "websocket");
  });

  test("clients above `maxConnections`, who may come back when one has left", async (t) => {
    const { ws, url, log } = await listen(t, { maxConnections: 2 });
    const first = await TextClient.connect(t, ws);
    await TextClient.connect(t, ws);
    const { status, body, headers } = await refusedUpgrade(ws);
    assert.deepEqual([status, body.code, headers["retry-after"]], [503, "overloaded", "1"]);
    assert.equal((await fetch(`${url}/items`)).status, 200, "only sockets are counted");
    first.socket.close();
    await log.line("Client disconnected");
    await TextClient.connect(t, ws);
  });

  test("clients above `maxConnections` who come while the others are being let in", async (t) => {
    const journal = memory();
    const asked = deferred();
    const gate = deferred();
    const { app, ws } = await listen(t, {
      maxConnections: 1,
      journal: altered(journal, {
        async read(...args) {
          asked.resolve();
          await gate.promise;
          return journal.read(...args);
        },
      }),
    });
    const outcome = (client: Promise<TextClient>) => client.then(() => "in").catch(() => "refused");
    const one = outcome(TextClient.connect(t, `${ws}?after=oldest`));
    await asked.promise;
    const other = await outcome(TextClient.connect(t, ws));
    gate.resolve();
    assert.deepEqual([await one, other].sort(), ["in", "refused"]);
    assert.equal(app.lastcall.roster.size, 1);
  });

  test("an upgrade of any other route, which would end in a close without a code", async (t) => {
    const { url } = await listen(t, {}, (app) => {
      app.get("/own", () => ({ own: true }));
    });
    for (const path of ["/items", "/health", "/own", "/nothing"]) {
      const { status, body } = await refusedUpgrade(url + path);
      assert.ok(status >= 400 && status < 500, path);
      assert.equal(typeof body.message, "string", path);
    }
  });

  test("an upgrade to something else is none: RFC 9110 section 7.8 lets the server overlook it", async (t) => {
    const { port } = await listen(t);
    // What `curl --http2` and Java's HttpClient send to a plain port.
    const socket = await rawConnection(
      t,
      port,
      "GET /health HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    const [chunk] = await once(socket, "data");
    assert.match(String(chunk), /^HTTP\/1\.1 200 /);
  });
});

describe("half-open connections", () => {
  const HANDSHAKE =
    "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
    "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  /** A ping without data, as a server sends it. */
  const PING = Buffer.from([0x89, 0x00]);

  test("a peer that answers no ping is ended after two misses, within twice the interval; one that answers stays", async (t) => {
    const clock = new ManualClock();
    const { app, ws, port, log } = await listen(t, { clock, pingIntervalMs: 1_000 });
    const alive = await TextClient.connect(t, ws);
    const dead = await rawConnection(t, port, HANDSHAKE);
    await once(dead, "data");
    const heard: Buffer[] = [];
    dead.on("data", (chunk) => heard.push(chunk));
    const ended = once(dead, "close");
    const first = Promise.all([once(alive.socket, "ping"), once(dead, "data")]);
    await clock.advance(500);
    await first;
    // What it says tells us that its pong, which came before, is in.
    alive.socket.send("here");
    await log.line("Received message");
    const second = once(dead, "data");
    await clock.advance(500);
    await second;
    assert.equal(app.lastcall.roster.size, 2);
    await clock.advance(500);
    await ended;
    assert.deepEqual(Buffer.concat(heard), Buffer.concat([PING, PING]));
    assert.equal((await log.line("Client answers no ping"))["peer"], (await log.line("Client disconnected"))["peer"]);
    assert.equal(app.lastcall.roster.size, 1);
    assert.equal(alive.socket.readyState, alive.socket.OPEN);
    const metrics = await app.lastcall.metrics.registry.metrics();
    assert.match(metrics, /^lastcall_ping_timeouts_total\{protocol="text"\} 1$/m);
    await clock.advance(10_000);
    alive.socket.close();
    await alive.closed;
  });

  test("whatever a peer says counts as an answer", async (t) => {
    const clock = new ManualClock();
    const { app, port, log } = await listen(t, { clock, pingIntervalMs: 1_000 });
    const peer = await rawConnection(t, port, HANDSHAKE);
    await once(peer, "data");
    for (let ping = 1; ping <= 5; ping += 1) {
      const pinged = once(peer, "data");
      await clock.advance(1_000);
      await pinged;
      // Masked, as a client's frames are: "a".
      const before = log.all("Received message").length;
      peer.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
      while (log.all("Received message").length === before) await log.next();
    }
    assert.equal(app.lastcall.roster.size, 1);
    peer.destroy();
    await log.line("Client disconnected");
  });
});
