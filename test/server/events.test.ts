import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent } from "node:http";
import { describe, test } from "node:test";
import { deferred } from "../../src/base/deferred.js";
import { LastcallError } from "../../src/base/errors.js";
import type { Source } from "../../src/fastify.js";
import { EventsClient, type EventsOptions } from "../support/events-client.js";
import { ManualClock } from "../support/manual-clock.js";
import { V1Socket } from "../support/v1-socket.js";
import { addressOf, altered, BRIEF, listen, memory, post, postRaw, prepare } from "./kit.js";
import { TextClient } from "./text-client.js";

const limit = { timeout: 30_000 };

/** What an EventSource is given that is to come again: nothing but the time. */
const COME_BACK = "retry: 1000\n\n";

async function assertSentBack(client: EventsClient): Promise<void> {
  assert.equal(await client.ended, "whole");
  const { headers } = client.response;
  assert.deepEqual([client.status, headers["content-type"], client.body], [200, "text/event-stream", COME_BACK]);
  assert.equal(headers["cache-control"], "no-store, no-transform");
}

const lastEventId = (id: string): EventsOptions => ({ headers: { "last-event-id": id } });

const data = (client: EventsClient) => client.items.map((item) => item.data);

describe("GET /events", limit, () => {
  test("answers with a stream that no cache keeps, no proxy gathers, and that is not compressed", async (t) => {
    const { url } = await listen(t);
    const client = await EventsClient.open(t, `${url}/events`, { headers: { "accept-encoding": "gzip, br" } });
    assert.equal(client.status, 200);
    const { date, ...headers } = client.response.headers;
    assert.ok(date !== undefined);
    assert.deepEqual(headers, {
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      connection: "close",
      "transfer-encoding": "chunked",
    });
  });

  test("has the headers that the host's hooks set, but for those that make it a stream", async (t) => {
    const { url } = await listen(t, {}, (app) => {
      app.addHook("onRequest", async (_request, reply) => {
        reply.headers({ "access-control-allow-origin": "*", "cache-control": "public", "set-cookie": ["a=1", "b=2"] });
      });
    });
    const { response } = await EventsClient.open(t, `${url}/events`);
    assert.equal(response.headers["access-control-allow-origin"], "*");
    assert.deepEqual(response.headers["set-cookie"], ["a=1", "b=2"]);
    assert.equal(response.headers["cache-control"], "no-store, no-transform");
  });

  test("begins where it is asked to: Last-Event-ID, else `after`, else now", async (t) => {
    const { url } = await listen(t);
    const [first, second] = [await post(url, "1"), await post(url, "2")];
    const events = `${url}/events`;
    const open = (query: string, options?: EventsOptions) => EventsClient.open(t, events + query, options);
    const cases = await Promise.all([
      open("").then((client) => ({ client, opening: second, expected: ["3"] })),
      open("?after=now").then((client) => ({ client, opening: second, expected: ["3"] })),
      open(`?after=${first}`).then((client) => ({ client, opening: first, expected: ["2", "3"] })),
      open("", lastEventId(first)).then((client) => ({ client, opening: first, expected: ["2", "3"] })),
      open(`?after=${first}`, lastEventId(second)).then((client) => ({ client, opening: second, expected: ["3"] })),
      open("?after=now", lastEventId(first)).then((client) => ({ client, opening: first, expected: ["2", "3"] })),
      // An EventSource that has no id sends no header; others may send it empty.
      open(`?after=${first}`, lastEventId("")).then((client) => ({ client, opening: first, expected: ["2", "3"] })),
    ]);
    const oldest = await open("?after=oldest");
    await post(url, "3");
    for (const { client, opening, expected } of cases) {
      await client.item(expected.length);
      assert.deepEqual(data(client), expected);
      assert.match(client.parser.lines[0] ?? "", /^retry: \d+$/);
      assert.equal(client.parser.lines[1], `id: ${opening}`);
    }
    assert.ok(new Set(cases.map(({ client }) => client.parser.retry)).size > 1, "each waits a time of its own");
    await oldest.item(3);
    assert.deepEqual(data(oldest), ["1", "2", "3"]);
  });

  test("a stream is made when it is named; streams do not mix", async (t) => {
    const { url } = await listen(t);
    const [main, news] = await Promise.all([
      EventsClient.open(t, `${url}/events`),
      EventsClient.open(t, `${url}/events?stream=news&after=oldest`),
    ]);
    for (const stream of ["news", "main", "news"]) await post(url, JSON.stringify(stream), stream);
    await Promise.all([main.item(), news.item(2)]);
    assert.deepEqual([data(main), data(news)], [[`"main"`], [`"news"`, `"news"`]]);
  });

  test("a cursor that does not hold is an event of a stream that goes on, not a refusal", async (t) => {
    const { app, url } = await listen(t, { journal: memory({ retentionItems: 2 }) });
    const ids: string[] = [];
    for (const item of ["1", "2", "3", "4"]) ids.push(await post(url, item));
    const trimmed = await EventsClient.open(t, `${url}/events`, lastEventId(ids[0] ?? ""));
    const replaced = await EventsClient.open(t, `${url}/events`, lastEventId("2-aaaaaaaa"));
    await trimmed.item(2);
    await replaced.event("gap");
    ids.push(await post(url, "5"));
    await Promise.all([trimmed.item(3), replaced.item()]);
    assert.deepEqual(trimmed.ids, ids.slice(2));
    assert.deepEqual(replaced.ids, ids.slice(4));
    const gaps = [trimmed, replaced].flatMap((client) => client.ofType("gap")).map((event) => JSON.parse(event.data));
    assert.deepEqual(gaps, [
      { type: "gap", after: ids[0], cursor: ids[1], reason: "trimmed" },
      { type: "gap", after: "2-aaaaaaaa", cursor: ids[3], reason: "replaced" },
    ]);
    const metrics = await app.lastcall.metrics.registry.metrics();
    for (const reason of ["trimmed", "replaced"]) {
      assert.match(metrics, new RegExp(`^lastcall_gaps_total\\{reason="${reason}"\\} 1$`, "m"));
    }
  });

  test("counts and logs who comes and goes", async (t) => {
    const { app, url, log } = await listen(t);
    const client = await EventsClient.open(t, `${url}/events`);
    await post(url, "1");
    await client.item();
    assert.equal((await log.line("Client connected"))["peer"], `127.0.0.1:${client.port}`);
    client.destroy();
    const left = await log.line("Client disconnected");
    assert.deepEqual([left["peer"], left["clients"], left["fate"]], [`127.0.0.1:${client.port}`, 0, "gone"]);
    assert.equal(app.lastcall.roster.size, 0);
    const metrics = await app.lastcall.metrics.registry.metrics();
    assert.match(metrics, /^lastcall_connections_closed_total\{protocol="sse",fate="gone"\} 1$/m);
    assert.match(metrics, /^lastcall_items_sent_total\{protocol="sse"\} 1$/m);
    assert.match(metrics, /^lastcall_connections_total\{phase="serving",result="accepted"\} 1$/m);
  });
});

test(
  "text, v1 and SSE clients have one stream: the same items, order and ids, whoever published, and how often",
  limit,
  async (t) => {
    const { url, ws } = await listen(t, { budget: BRIEF, textPublish: true });
    const [text, v1, events] = await Promise.all([
      TextClient.connect(t, ws),
      V1Socket.open(t, ws),
      EventsClient.open(t, `${url}/events`),
    ]);
    const count = 30;
    await Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const [body, key] = [JSON.stringify({ n }), `key ${n}`];
        v1.send({ type: "publish", key: `v1 ${n}`, data: { v1: n } });
        text.socket.send(`text ${n}`);
        const answers = await Promise.all([1, 2].map(() => postRaw(url, body, { key })));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 201]);
        const [one, two] = await Promise.all(answers.map((answer) => answer.json()));
        assert.deepEqual(one, two);
      }),
    );
    await text.atLeast(3 * count);
    await Promise.all([v1.nth("item", 3 * count), events.item(3 * count)]);
    const { items } = (await (await fetch(`${url}/items?limit=1000`)).json()) as {
      items: { id: string; data: unknown }[];
    };
    assert.equal(items.length, 3 * count, "each once");
    assert.deepEqual(
      v1.items.map(({ id, data }) => ({ id, data })),
      items.map(({ id, data }) => ({ id, data })),
    );
    assert.deepEqual(
      events.items.map(({ lastEventId, data }) => ({ id: lastEventId, data: JSON.parse(data) })),
      items.map(({ id, data }) => ({ id, data })),
    );
    assert.deepEqual(
      text.received,
      items.map(({ data }) => (typeof data === "string" ? data : JSON.stringify(data))),
    );
    for (const [i, { id }] of items.entries()) assert.match(id, new RegExp(`^${i + 1}-`));
  },
);

test("after an interval of silence v1 is told `alive`, SSE a comment, and text nothing", limit, async (t) => {
  const clock = new ManualClock();
  const { app, url, ws } = await listen(t, { budget: BRIEF, clock, heartbeatMs: 1_000, pingIntervalMs: 60_000 });
  const [text, v1, events] = await Promise.all([
    TextClient.connect(t, ws),
    V1Socket.open(t, ws),
    EventsClient.open(t, `${url}/events`),
  ]);
  assert.equal(app.lastcall.roster.size, 3);
  await clock.advance(1_000);
  assert.deepEqual([v1.types, events.parser.comments], [["hello"], 0], "not yet a whole interval");
  await clock.advance(500);
  await v1.message("alive");
  await events.until(({ comments }) => comments === 1 || undefined);
  await clock.advance(1_000);
  await v1.nth("alive", 2);
  await events.until(({ comments }) => comments === 2 || undefined);
  // What the server had to say by then, it has said.
  text.socket.ping();
  await once(text.socket, "pong");
  assert.deepEqual([text.received, v1.types, events.events], [[], ["hello", "alive", "alive"], []]);
  text.socket.terminate();
  v1.destroy();
  events.destroy();
});

describe("GET /events refuses", limit, () => {
  test("positions that are none, wherever they stand, with 400", async (t) => {
    const { app, url } = await listen(t);
    const cases: readonly (readonly [string, EventsOptions])[] = [
      ["?after=x", {}],
      ["?after=", {}],
      ["?after=1", {}],
      ["", lastEventId("x")],
      ["", lastEventId("1-ABCDEFGH")],
      ["?after=now", lastEventId("7")],
      ["?stream=a%2Fb", {}],
      ["?stream=", {}],
      ["?stream=-a", {}],
      [`?stream=${"a".repeat(65)}`, {}],
      ["?stream=a&stream=b", {}],
    ];
    for (const [query, options] of cases) {
      const client = await EventsClient.open(t, `${url}/events${query}`, options);
      assert.equal(await client.ended, "whole");
      const { code, message } = JSON.parse(client.body);
      assert.deepEqual([client.status, code, typeof message], [400, "invalid_request", "string"], query);
      assert.match(client.response.headers["content-type"] ?? "", /^application\/json/);
    }
    assert.equal(app.lastcall.roster.size, 0);
  });

  test("one stream too many with 429, and goes on serving those there are", async (t) => {
    const { url } = await listen(t, { journal: memory({ maxStreams: 1 }) });
    const main = await EventsClient.open(t, `${url}/events`);
    const other = await EventsClient.open(t, `${url}/events?stream=other`);
    assert.equal(await other.ended, "whole");
    assert.deepEqual([other.status, JSON.parse(other.body).code], [429, "too_many_streams"]);
    await post(url, "1");
    await main.item();
  });

  test("other methods: a HEAD would be a stream without an end", async (t) => {
    const { app, url } = await listen(t);
    for (const method of ["HEAD", "POST"]) {
      const response = await fetch(`${url}/events`, { method });
      await response.text();
      assert.equal(response.status, 404, method);
    }
    assert.equal(app.lastcall.roster.size, 0);
  });
});

describe(
  "whoever cannot be served just now is told when to come back, and nothing that an EventSource gives up at",
  limit,
  () => {
    test("there are enough clients: counted with those of WebSocket; served when one has left", async (t) => {
      const { app, url, ws, log } = await listen(t, { maxConnections: 2 });
      const text = await TextClient.connect(t, ws);
      await EventsClient.open(t, `${url}/events`);
      await assertSentBack(await EventsClient.open(t, `${url}/events`));
      const metrics = await app.lastcall.metrics.registry.metrics();
      assert.match(metrics, /^lastcall_connections_total\{phase="serving",result="refused"\} 1$/m);
      text.socket.close();
      await log.line("Client disconnected");
      const served = await EventsClient.open(t, `${url}/events`);
      await post(url, "1");
      await served.item();
    });

    test("the last place is taken while the journal takes its time", async (t) => {
      const journal = memory();
      const asked = deferred();
      const gate = deferred();
      const { url } = await listen(t, {
        maxConnections: 1,
        journal: altered(journal, {
          async read(...args) {
            asked.resolve();
            await gate.promise;
            return journal.read(...args);
          },
        }),
      });
      const late = EventsClient.open(t, `${url}/events?after=oldest`);
      await asked.promise;
      await EventsClient.open(t, `${url}/events`);
      gate.resolve();
      await assertSentBack(await late);
    });

    test("the service starts", async (t) => {
      const looking = deferred();
      const gate = deferred();
      const { app } = await prepare(t, {
        journal: altered(memory(), {
          check: () => {
            looking.resolve();
            return gate.promise;
          },
        }),
      });
      const listening = app.listen({ port: 0, host: "127.0.0.1" });
      await looking.promise;
      const { url } = addressOf(app);
      await assertSentBack(await EventsClient.open(t, `${url}/events`));
      gate.resolve();
      await listening;
    });

    test("the journal does not answer", async (t) => {
      const away = () => Promise.reject(new LastcallError("journal_unavailable", "the journal does not answer"));
      const { url } = await listen(t, { journal: altered(memory(), { head: away }) });
      await assertSentBack(await EventsClient.open(t, `${url}/events`));
    });

    test("the drain came to its end while the journal took its time", async (t) => {
      const journal = memory();
      const asked = deferred();
      const gate = deferred();
      const { app, url } = await listen(t, {
        journal: altered(journal, {
          async read(stream, position, ...rest) {
            if (position === "oldest") {
              asked.resolve();
              await gate.promise;
            }
            return journal.read(stream, position, ...rest);
          },
        }),
        closables: [{ name: "gate", close: () => gate.resolve() }],
      });
      const late = EventsClient.open(t, `${url}/events?after=oldest`);
      await asked.promise;
      const { outcome, clients } = await app.lastcall.drain.start({ type: "request" });
      await assertSentBack(await late);
      assert.deepEqual([outcome, clients.told], ["clean", 0]);
    });
  },
);

test("who went while the journal took its time is not served", limit, async (t) => {
  const journal = memory();
  const asked = deferred();
  const gate = deferred();
  const answered = deferred();
  const { app, url, log } = await listen(t, {
    journal: altered(journal, {
      async read(...args) {
        asked.resolve();
        await gate.promise;
        const page = await journal.read(...args);
        setImmediate(() => answered.resolve());
        return page;
      },
    }),
  });
  const client = new AbortController();
  const opened = once(app.server, "connection");
  const refused = fetch(`${url}/events?after=oldest`, { signal: client.signal }).catch(() => "gone");
  const [socket] = await opened;
  await asked.promise;
  const closed = once(socket, "close");
  client.abort();
  assert.equal(await refused, "gone");
  await closed;
  gate.resolve();
  await answered.promise;
  assert.equal(app.lastcall.roster.size, 0);
  assert.deepEqual(log.all("Client connected"), []);
});

describe("from the announcement on", limit, () => {
  test("a new connection is sent back; an old one is served, told at once, and closed with the others", async (t) => {
    const gate = deferred();
    const source = (): Source => ({ finish: () => gate.promise.then(() => 0) });
    const { app, url, log } = await listen(t, { source });
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = await EventsClient.open(t, `${url}/events?after=x`, { agent: kept });
    assert.equal(await first.ended, "whole");
    assert.equal(first.response.headers.connection, "keep-alive");
    const before = await EventsClient.open(t, `${url}/events`);
    const drained = app.lastcall.drain.start({ type: "request" });
    await log.line("Publishing the last items");

    const fresh = await EventsClient.open(t, `${url}/events`, { agent: new Agent({ keepAlive: true }) });
    await assertSentBack(fresh);
    assert.equal(fresh.response.headers.connection, "close");
    const old = await EventsClient.open(t, `${url}/events`, { agent: kept });
    assert.deepEqual([old.port, old.status], [first.port, 200]);
    assert.equal(old.response.headers.connection, "close");
    await old.event("shutdown");
    await before.event("shutdown");
    const { id } = await app.lastcall.publisher.publish({ stream: "main", publisher: "test", data: `"last"` });
    gate.resolve();
    for (const client of [old, before]) {
      assert.equal(await client.ended, "whole");
      assert.deepEqual(
        client.events.map(({ type }) => type),
        ["shutdown", "message", "close"],
      );
      assert.deepEqual(JSON.parse(client.events[2]?.data ?? ""), { type: "close", cursor: id });
    }
    const { outcome, clients } = await drained;
    assert.deepEqual([outcome, clients.told, clients.left, clients.cut], ["clean", 2, 2, 0]);
    assert.match(
      await app.lastcall.metrics.registry.metrics(),
      /^lastcall_connections_total\{phase="finish",result="refused"\} 1$/m,
    );
  });

  test("also an old connection is sent back once clients are being closed", async (t) => {
    const { app, url, log } = await listen(t);
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = await EventsClient.open(t, `${url}/events?after=x`, { agent: kept });
    assert.equal(await first.ended, "whole");
    // One that stays until its time is over keeps the phase open.
    const staying = await V1Socket.open(t, url.replace("http", "ws").concat("/ws"));
    const drained = app.lastcall.drain.start({ type: "request" });
    await log.line("Closing all clients: last items, CLOSE, close frame");
    const old = await EventsClient.open(t, `${url}/events`, { agent: kept });
    assert.equal(old.port, first.port);
    await assertSentBack(old);
    assert.equal(old.response.headers.connection, "close");
    staying.close();
    assert.equal((await drained).outcome, "clean");
  });
});
