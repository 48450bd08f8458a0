import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import websocket from "@fastify/websocket";
import { fastify } from "fastify";
import { deferred } from "../../src/base/deferred.js";
import { lastcall } from "../../src/fastify.js";
import { ManualClock } from "../support/manual-clock.js";
import { altered, listen, memory, post, prepare, QUICK, rawConnection } from "./kit.js";
import { TextClient } from "./text-client.js";

describe("in a host's application", () => {
  test("the host's own routes, bodies, errors and 404 stay as they are", async (t) => {
    const { url } = await listen(t, {}, (app) => {
      app.get("/own", () => ({ own: true }));
      app.post("/echo", (request) => ({ got: request.body }));
      app.get("/fails", () => {
        throw new Error("mine");
      });
    });
    assert.deepEqual(await (await fetch(`${url}/own`)).json(), { own: true });
    const echo = (type: string, body: string) =>
      fetch(`${url}/echo`, { method: "POST", headers: { "content-type": type }, body });
    assert.deepEqual(await (await echo("application/json", `{"a":1}`)).json(), { got: { a: 1 } });
    assert.deepEqual(await (await echo("text/plain", "plain")).json(), { got: "plain" });
    const failed = await fetch(`${url}/fails`);
    assert.equal(failed.status, 500);
    assert.equal(((await failed.json()) as { message: string }).message, "mine");
    const missing = await fetch(`${url}/nothing`);
    assert.equal(missing.status, 404);
    assert.equal(((await missing.json()) as { error: string }).error, "Not Found");
  });

  test("a parser of the host's lets nothing but JSON into the journal", async (t) => {
    const { url } = await listen(t);
    const { app } = await prepare(t);
    app.addContentTypeParser("text/csv", { parseAs: "string" }, (_request, body, done) => done(null, body));
    const answer = await fetch(`${url}/items`, {
      method: "POST",
      headers: { "content-type": "text/csv" },
      body: "CLOSE",
    });
    assert.equal(answer.status, 415);
  });

  test("publishes through `fastify.lastcall.publisher`", async (t) => {
    const { app, ws } = await listen(t);
    const client = await TextClient.connect(t, ws);
    const { publisher } = app.lastcall;
    const request = { stream: "main", publisher: "host", key: "k", data: `"from the host"` };
    const first = await publisher.publish(request);
    assert.equal(first.repeated, false);
    assert.deepEqual(await publisher.publish(request), { ...first, repeated: true });
    assert.deepEqual(await client.atLeast(1), ["from the host"]);
    // Another publisher's keys are its own.
    assert.equal((await publisher.publish({ ...request, publisher: "other" })).repeated, false);
    await assert.rejects(publisher.publish({ ...request, data: "2" }), { code: "key_reused" });
    await assert.rejects(publisher.publish({ ...request, data: `"CLOSE"` }), { code: "reserved" });
    await assert.rejects(publisher.publish({ ...request, data: "CLOSE" }), { code: "invalid_request" });
    await assert.rejects(publisher.publish({ ...request, stream: "a b" }), { code: "invalid_request" });
    assert.equal(publisher.pending(), 0);
    await publisher.settle();
  });

  test("refuses to stand beside another @fastify/websocket", async (t) => {
    const app = fastify();
    t.after(() => app.close());
    await app.register(websocket);
    const clock = new ManualClock();
    await assert.rejects(async () => app.register(lastcall, { journal: memory(), budget: QUICK, clock }), {
      code: "invalid_settings",
      message: /@fastify\/websocket/,
    });
    assert.deepEqual(clock.pending, [], "a refused plugin leaves no timer that keeps the process");
  });

  test("leaves out what the options leave out", async (t) => {
    const { app, url } = await listen(t, { probes: false });
    for (const path of ["/health", "/ready", "/metrics", "/slow"]) {
      assert.equal((await fetch(url + path)).status, 404, path);
    }
    assert.equal(app.hasRoute({ method: "GET", url: "/items" }), true);
  });
});

describe("app.close() without a drain", () => {
  test("still tells every client SHUTDOWN, the source's last items, CLOSE and 1012", async (t) => {
    const { app, url, ws } = await listen(t, {
      source: (publisher) => ({
        async finish() {
          for (const data of [`"last 1"`, `"last 2"`])
            await publisher.publish({ stream: "main", publisher: "s", data });
          return 2;
        },
      }),
    });
    const clients = await Promise.all([1, 2, 3].map(() => TextClient.connect(t, ws)));
    const other = await TextClient.connect(t, `${ws}?stream=other`);
    await post(url, `"first"`);
    await Promise.all(clients.map((client) => client.atLeast(1)));
    await app.close();
    for (const client of clients) {
      assert.equal(await client.closed, 1012);
      assert.deepEqual(client.received, ["first", "SHUTDOWN", "last 1", "last 2", "CLOSE"]);
    }
    assert.equal(await other.closed, 1012);
    assert.deepEqual(other.received, ["SHUTDOWN", "CLOSE"]);
  });

  test("is not held up by idle, silent or half-said connections", async (t) => {
    const { app, port } = await listen(t, {}, (host) => {
      host.get("/own", () => ({ own: true }));
    });
    const silent = await rawConnection(t, port);
    const half = await rawConnection(t, port, "GET /own HTTP/1.1\r\nhost: x\r\nx-half:");
    const idle = await rawConnection(t, port, "GET /own HTTP/1.1\r\nhost: x\r\n\r\n");
    await once(idle, "data");
    const sockets = [silent, half, idle].map((socket) => once(socket.resume(), "close"));
    await app.close();
    await Promise.all(sockets);
  });

  test("lets a request in flight finish", async (t) => {
    const started = deferred();
    const gate = deferred();
    const { app, url, log } = await listen(t, {}, (host) => {
      host.get("/long", async () => {
        started.resolve();
        await gate.promise;
        return { done: true };
      });
    });
    const response = fetch(`${url}/long`);
    await started.promise;
    const closed = app.close();
    await log.line("Waiting for requests in flight");
    gate.resolve();
    const answer = await response;
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { done: true });
    assert.equal(answer.headers.get("connection"), "close");
    await closed;
    const { receipt } = (await log.line("graceful_shutdown_completed")) as unknown as {
      receipt: Record<string, unknown>;
    };
    assert.equal(receipt["outcome"], "clean");
    assert.deepEqual(receipt["requests"], { finished: 1, cut: 0 });
  });

  test("closes what it was given, in its order, the journal last", async (t) => {
    const closed: string[] = [];
    const journal = memory();
    const close = async () => {
      closed.push("journal");
      await journal.close();
    };
    const closable = (name: string) => ({ name, close: () => void closed.push(name) });
    const { app } = await listen(t, {
      journal: altered(journal, { close }),
      closables: [closable("first"), closable("second")],
    });
    await app.close();
    assert.deepEqual(closed, ["first", "second", "journal"]);
  });

  test("works before the port was ever opened, twice, and after a drain", async (t) => {
    const { app } = await prepare(t);
    await app.ready();
    await app.close();
    await app.close();
    const drained = await listen(t);
    const receipt = await drained.app.lastcall.drain.start({ type: "request" });
    assert.equal(receipt.exitCode, 0);
    await drained.app.close();
    assert.equal(drained.log.all("graceful_shutdown_started").length, 1);
  });

  test("an error of the source's is in the receipt, and the clients are told all the same", async (t) => {
    const finish = () => Promise.reject(new Error("the source is dry"));
    const { app, ws, log } = await listen(t, { source: () => ({ finish }) });
    const client = await TextClient.connect(t, ws);
    await app.close();
    assert.equal(await client.closed, 1012);
    assert.deepEqual(client.received, ["SHUTDOWN", "CLOSE"]);
    const line = await log.line("graceful_shutdown_completed");
    assert.match(JSON.stringify(line["receipt"]), /"outcome":"failed".*the source is dry/);
  });
});

test("an answer that is chunked by hand is whole when the drain begins in its middle", async (t) => {
  const gate = deferred();
  const { app, port } = await listen(t, {}, (host) => {
    host.get("/stream", async (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { connection: "close" }).write("one ");
      await gate.promise;
      reply.raw.end("two");
    });
  });
  const socket = await rawConnection(t, port, "GET /stream HTTP/1.1\r\nhost: x\r\n\r\n");
  const answer = text(socket);
  await once(app.server, "request");
  const closed = app.close();
  gate.resolve();
  assert.match(await answer, /one [\s\S]*two/);
  await closed;
});
