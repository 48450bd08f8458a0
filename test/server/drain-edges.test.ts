import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { deferred } from "../../src/base/deferred.js";
import { LastcallError } from "../../src/base/errors.js";
import type { Source } from "../../src/fastify.js";
import type { Journal } from "../../src/journal/port.js";
import { SCRAPE_HEADER } from "../../src/server/scrapes.js";
import { RawConnection, UPGRADE } from "../support/raw-socket.js";
import { addressOf, altered, listen, memory, post, prepare, QUICK, rawConnection, refusedUpgrade } from "./kit.js";
import { TextClient } from "./text-client.js";

/** The end of a drain that the test lets go. */
function held() {
  const gate = deferred();
  const reached = deferred();
  const close = () => {
    reached.resolve();
    return gate.promise;
  };
  return { closable: { name: "held", close }, reached: reached.promise, release: () => gate.resolve() };
}

/** From Node 22 on, connections that never sent a request are closed with the idle ones: then there is nothing to refuse. */
const SILENT_IS_IDLE = Number.parseInt(process.versions.node, 10) >= 22;

async function assertRefused(connection: RawConnection): Promise<void> {
  const answer = await connection.answer().catch((error: Error) => error);
  if (answer instanceof Error) {
    assert.ok(SILENT_IS_IDLE, answer);
    return;
  }
  assert.equal(answer.status, 503);
  assert.equal(JSON.parse(answer.body).code, "shutting_down");
  assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/);
}

describe("a request that begins at the very end", { timeout: 30_000 }, () => {
  for (const body of [
    "POST /items HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n1",
    // Its body never comes.
    "POST /items HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n1",
  ]) {
    const what = body.endsWith("1\r\n\r\n1") ? "whole" : "half";
    test(`in release (${what}) is refused and cuts nothing`, async (t) => {
      const { closable, reached, release } = held();
      const host = await listen(t, { closables: [closable] });
      // It stood before the announcement, and has said nothing: it is nobody's idle connection.
      const connection = await RawConnection.open(t, new URL(host.url));
      await (await fetch(`${host.url}/health`)).text();
      const drained = host.app.lastcall.drain.start({ type: "request" });
      await reached;
      connection.socket.write(body);
      await assertRefused(connection);
      release();
      const { outcome, requests } = await drained;
      assert.equal(outcome, "clean");
      assert.deepEqual(requests, { finished: 0, cut: 0 });
    });
  }

  test("in linger is refused and cuts nothing; a scrape is answered, and ends it", async (t) => {
    const host = await listen(t, { budget: { ...QUICK, timeoutMs: 90_000, lingerMs: 60_000 } });
    const connection = await RawConnection.open(t, new URL(host.url));
    await (await fetch(`${host.url}/health`)).text();
    const lingering = deferred();
    host.app.lastcall.drain.subscribe((event) => {
      if (event.type === "phase_started" && event.phase === "linger") lingering.resolve();
    });
    const drained = host.app.lastcall.drain.start({ type: "request" });
    await lingering.promise;
    connection.send("GET", "/items");
    await assertRefused(connection);
    const scrape = await fetch(`${host.url}/metrics`, { headers: { [SCRAPE_HEADER]: "10" } });
    assert.equal(scrape.status, 200);
    await scrape.text();
    const { outcome, requests, phases } = await drained;
    assert.equal(outcome, "clean");
    assert.deepEqual(requests, { finished: 0, cut: 0 });
    assert.equal(phases.find(({ phase }) => phase === "linger")?.outcome, "completed");
  });
});

test("a request whose client went away is not finished, and not cut", { timeout: 30_000 }, async (t) => {
  const started = deferred();
  const gate = deferred();
  const host = await listen(t, {}, (app) => {
    app.get("/long", async () => {
      started.resolve();
      await gate.promise;
      return { done: true };
    });
  });
  const connection = await RawConnection.open(t, new URL(host.url));
  connection.send("GET", "/long");
  await started.promise;
  const drained = host.app.lastcall.drain.start({ type: "request" });
  await host.log.line("Waiting for requests in flight");
  connection.socket.destroy();
  const { outcome, requests } = await drained;
  gate.resolve();
  assert.equal(outcome, "clean");
  assert.deepEqual(requests, { finished: 0, cut: 0 });
});

describe("every 503 says when to come again", { timeout: 30_000 }, () => {
  const gone = () => Promise.reject(new LastcallError("journal_unavailable", "the journal does not answer"));

  test("the journal does not answer", async (t) => {
    const journal = altered(memory(), { append: gone, read: gone, head: gone });
    const { url, ws } = await listen(t, { journal });
    for (const where of [ws, `${ws}?after=oldest`]) {
      const { status, body, headers } = await refusedUpgrade(where);
      assert.deepEqual([status, body.code, headers["retry-after"]], [503, "journal_unavailable", "1"], where);
    }
    const headers = { "content-type": "application/json" };
    for (const answer of [
      await fetch(`${url}/items`),
      await fetch(`${url}/items`, { method: "POST", headers, body: "1" }),
    ]) {
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get("retry-after"), "1");
      assert.equal(((await answer.json()) as { code: string }).code, "journal_unavailable");
    }
  });

  test("there are enough clients", async (t) => {
    const { ws } = await listen(t, { maxConnections: 1 });
    await TextClient.connect(t, ws);
    const { status, body, headers } = await refusedUpgrade(ws);
    assert.deepEqual([status, body.code, headers["retry-after"]], [503, "overloaded", "1"]);
  });
});

test("app.close() does not linger: nobody can scrape a server that is closed", { timeout: 30_000 }, async (t) => {
  const { app, log } = await listen(t, { budget: { ...QUICK, timeoutMs: 90_000, lingerMs: 60_000 } });
  await app.close();
  const { receipt } = (await log.line("graceful_shutdown_completed")) as unknown as {
    receipt: { outcome: string; phases: readonly { phase: string; outcome: string }[] };
  };
  assert.equal(receipt.outcome, "clean");
  assert.equal(receipt.phases.find(({ phase }) => phase === "linger")?.outcome, "skipped");
});

test("/ready says `starting` until the first look is over", { timeout: 30_000 }, async (t) => {
  const looking = deferred();
  const gate = deferred();
  const check: Journal["check"] = () => {
    looking.resolve();
    return gate.promise;
  };
  const { app } = await prepare(t, { journal: altered(memory(), { check }) });
  const listening = app.listen({ port: 0, host: "127.0.0.1" });
  await looking.promise;
  const { url, ws } = addressOf(app);
  const before = await fetch(`${url}/ready`);
  assert.equal(before.status, 503);
  const { status, reason } = (await before.json()) as { status: string; reason: string };
  assert.deepEqual({ status, reason }, { status: "not_ready", reason: "starting" });
  const refused = await refusedUpgrade(ws);
  assert.deepEqual([refused.status, refused.body.code, refused.headers["retry-after"]], [503, "starting", "1"]);
  gate.resolve();
  await listening;
  await app.lastcall.readiness.listening();
  const after = await fetch(`${url}/ready`);
  assert.deepEqual([after.status, await after.json()], [200, { status: "ready" }]);
});

test("a client that lost its place, answers no CLOSE and talks on is ended by the pings", {
  timeout: 30_000,
}, async (t) => {
  const journal = memory({ retentionItems: 10 });
  const finish = deferred();
  const source = (): Source => ({ finish: () => finish.promise.then(() => 0) });
  const { app, port, log } = await listen(t, { journal, source, pingIntervalMs: 100 });
  const head = Object.entries({ host: "x", ...UPGRADE }).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = await rawConnection(t, port, `GET /ws HTTP/1.1\r\n${head.join("")}\r\n`);
  await log.line("Client connected");
  let bytes = "";
  let said = 0;
  const told = deferred();
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.toString("latin1");
    if (bytes.includes("CLOSE")) told.resolve();
  });
  // Not `once`: what it says meets a reset, and `once` would reject with that.
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const talk = setInterval(() => {
    said += 1;
    socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
  }, 10);
  t.after(() => clearInterval(talk));
  // More at once than the journal keeps: the follower finds its place gone.
  const burst = Array.from({ length: 100 }, (_, n) => ({ publisher: "test", key: `${n}`, data: `${n}` }));
  await journal.append("main", burst);
  await told.promise;
  const saidBefore = said;
  await closed;
  assert.ok(said > saidBefore, "it was talking all the time");
  const [line] = log.all("Client disconnected");
  assert.equal(line?.["fate"], "lost");
  assert.equal(log.all("Client answers no ping").length, 1);
  assert.equal(app.lastcall.roster.size, 0);
  finish.resolve();
  const { outcome, clients } = await app.lastcall.drain.start({ type: "request" });
  assert.equal(outcome, "clean");
  assert.deepEqual([clients.told, clients.cut, clients.gone], [0, 0, 0]);
});

test("a journal replaced before the mark was fixed, and nobody knows: who was served the old one is not done", {
  timeout: 30_000,
}, async (t) => {
  const [old, fresh] = [memory(), memory()];
  let inner = old;
  const known = deferred();
  const closing = deferred();
  const journal = altered(old, {
    read: (...args) => inner.read(...args),
    head: (...args) => inner.head(...args),
    async *follow(stream, after, signal) {
      const enough = new AbortController();
      void known.promise.then(() => enough.abort());
      let cursor = after;
      for await (const page of old.follow(stream, after, AbortSignal.any([signal, enough.signal]))) {
        yield page;
        cursor = page.type === "entries" ? (page.entries.at(-1)?.id ?? cursor) : page.cursor;
      }
      yield* fresh.follow(stream, cursor, signal);
    },
  });
  const source = (): Source => ({
    async finish() {
      await fresh.append("main", [{ publisher: "test", key: "1", data: "1" }]);
      inner = fresh;
      return 0;
    },
  });
  const { app, url, ws } = await listen(t, { journal, source });
  const client = await TextClient.connect(t, ws);
  for (const data of ["1", "2", "3"]) await post(url, data);
  await client.atLeast(3);
  app.lastcall.drain.subscribe((event) => {
    if (event.type === "phase_started" && event.phase === "close") closing.resolve();
  });
  const drained = app.lastcall.drain.start({ type: "request" });
  await closing.promise;
  // Its turn comes, and it is not closed yet.
  for (let i = 0; i < 20; i += 1) await turn();
  known.resolve();
  const { clients } = await drained;
  // Three is more than the one item that the new journal holds, and is none of its numbers.
  assert.deepEqual([clients.told, clients.flushed, clients.left, clients.cut], [1, 0, 0, 1]);
  assert.deepEqual(client.received, ["1", "2", "3", "SHUTDOWN", "CLOSE"]);
});

describe("a journal that does not answer during the drain", { timeout: 30_000 }, () => {
  for (const { what, finish, budget } of [
    { what: "while it is asked how far clients are to be served", finish: async () => 0, budget: { finishMs: 50 } },
    {
      what: "nor does the source, so that nobody has asked before clients are closed",
      finish: () => new Promise<never>(() => {}),
      budget: { finishMs: 50, closeMs: 2_000 },
    },
  ]) {
    test(`${what}: they are served what was seen of it, and nobody is cut`, async (t) => {
      let away = false;
      const inner = memory();
      const journal = altered(inner, {
        head: (...args) => (away ? new Promise(() => {}) : inner.head(...args)),
        read: (...args) => (away ? new Promise(() => {}) : inner.read(...args)),
      });
      const source = (): Source => ({ finish });
      const { app, url, ws } = await listen(t, { journal, source, budget: { ...QUICK, ...budget } });
      const client = await TextClient.connect(t, ws);
      await post(url, '"seen"');
      await client.atLeast(1);
      away = true;
      const { clients, errors } = await app.lastcall.drain.start({ type: "request" });
      assert.deepEqual(errors, ["finish took longer than 50 ms"]);
      assert.deepEqual([clients.told, clients.flushed, clients.cut, clients.gone], [1, 1, 0, 0]);
      assert.equal(await client.closed, 1012);
      assert.deepEqual(client.received, ["seen", "SHUTDOWN", "CLOSE"]);
    });
  }
});
