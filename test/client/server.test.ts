import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import type { WebSocketConstructor } from "../../src/client/websocket.js";
import { type Client, type ConnectOptions, connect, type Gap, type Item, type Status } from "../../src/client.js";
import type { LastcallOptions } from "../../src/fastify.js";
import type { Journal } from "../../src/journal/port.js";
import { NodeWebSocket } from "../../src/service/node-websocket.js";
import { altered, type Host, listen, memory, post, QUICK, refusedUpgrade } from "../server/kit.js";
import { Watch } from "../support/watch.js";

/** Servers are closed in the order they were made in, so clients are to leave before the first of them. */
const clients = new WeakMap<TestContext, Client[]>();

function clientsOf(t: TestContext): Client[] {
  const known = clients.get(t);
  if (known !== undefined) return known;
  const made: Client[] = [];
  t.after(() => Promise.all(made.map((client) => client.close())));
  clients.set(t, made);
  return made;
}

/** A client of a real server, what it gave out so far, and the sockets it made. */
class Subject {
  readonly client: Client;
  readonly items: Item[] = [];
  readonly statuses: Status[] = [];
  readonly sockets: NodeWebSocket[] = [];
  /** Where its next connection goes. */
  target: string;
  readonly #watch = new Watch();

  constructor(t: TestContext, target: string, options: ConnectOptions = {}) {
    this.target = target;
    const here = () => this.target;
    const made = (socket: NodeWebSocket) => this.sockets.push(socket);
    const Routed: WebSocketConstructor = class extends NodeWebSocket {
      constructor(_url: string, protocols?: string | string[]) {
        super(here(), protocols);
        made(this);
      }
    };
    this.client = connect(target, { WebSocket: Routed, backoff: { firstMs: 50, maxMs: 200 }, ...options });
    clientsOf(t).push(this.client);
    this.client.status.subscribe((status) => {
      this.statuses.push(status);
      this.#watch.changed();
    });
    void this.#read();
  }

  get data(): readonly unknown[] {
    return this.items.map(({ data }) => data);
  }

  /** Waits for as many items. */
  count(n: number): Promise<true> {
    return this.#watch.until(() => this.items.length >= n || undefined);
  }

  status(type: Status["type"]): Promise<Status> {
    return this.#watch.until(() => this.statuses.find((status) => status.type === type));
  }

  async #read(): Promise<void> {
    try {
      for await (const item of this.client) {
        this.items.push(item);
        this.#watch.changed();
      }
    } catch (thrown) {
      this.#watch.end(() => String(thrown));
    }
  }
}

/** A server; on a journal of its own, or on one that outlives it. */
function serve(t: TestContext, options: Partial<LastcallOptions> = {}): Promise<Host> {
  clientsOf(t);
  return listen(t, options);
}

function replica(t: TestContext, journal: Journal, options: Partial<LastcallOptions> = {}): Promise<Host> {
  return serve(t, { journal: altered(journal, { close: async () => {} }), ...options });
}

const limit = { timeout: 30_000 };

describe("with a real server", limit, () => {
  test("items, publishes, and a goodbye", async (t) => {
    const host = await serve(t, { name: "pod-7", version: "2.0.0" });
    const first = await post(host.url, "1");
    const subject = new Subject(t, host.ws, { after: "oldest" });
    await subject.count(1);
    assert.deepEqual(subject.client.status.get(), { type: "open", server: "pod-7", version: "2.0.0" });
    const ids = await Promise.all([2, 3, 4].map((data) => subject.client.publish(data)));
    assert.equal(
      await subject.client.publish("again", { key: "k" }),
      await subject.client.publish("again", { key: "k" }),
    );
    await subject.count(5);
    assert.deepEqual(subject.data, [1, 2, 3, 4, "again"]);
    assert.deepEqual(
      subject.items.slice(0, 4).map(({ id }) => id),
      [first, ...ids],
    );
    await subject.client.close();
    await host.log.line("Client disconnected");
  });

  test("what the server refuses, publish rejects with", async (t) => {
    const host = await serve(t, { maxItemBytes: 100 });
    const { client } = new Subject(t, host.ws);
    await client.publish(1, { key: "k" });
    await assert.rejects(client.publish(2, { key: "k" }), { code: "key_reused" });
    await assert.rejects(client.publish("CLOSE"), { code: "reserved" });
    await assert.rejects(client.publish("x".repeat(99)), { code: "too_large" });
  });

  test("a drain: the next connection stands before the old one is left, and nothing is lost", async (t) => {
    const journal = memory();
    const [one, two] = [
      await replica(t, journal, { name: "one", budget: { ...QUICK, timeoutMs: 30_000, staggerMs: 200 } }),
      await replica(t, journal, { name: "two" }),
    ];
    const subject = new Subject(t, one.ws, { after: "oldest" });
    await post(two.url, "1");
    await subject.count(1);
    subject.target = two.ws;
    const drained = one.app.lastcall.drain.start({ type: "request" });
    let n = 1;
    while (subject.client.status.get().type !== "open" || subject.sockets.length < 2) {
      n += 1;
      await post(two.url, String(n));
    }
    await subject.count(n);
    const { clients, outcome } = await drained;
    assert.equal(outcome, "clean");
    assert.deepEqual([clients.told, clients.left, clients.cut], [1, 1, 0]);
    assert.deepEqual(
      subject.data,
      Array.from({ length: n }, (_, i) => i + 1),
    );
    assert.deepEqual(
      subject.statuses.map(({ type }) => type),
      ["open", "handing_over", "open"],
      "never without a connection",
    );
    assert.equal(subject.sockets.length, 2);
  });

  test("a server that is gone at once: the cursor goes on at another", async (t) => {
    const journal = memory();
    const [one, two] = [await replica(t, journal), await replica(t, journal)];
    const subject = new Subject(t, one.ws, { after: "oldest" });
    await post(two.url, "1");
    await subject.count(1);
    subject.target = two.ws;
    subject.sockets[0]?.terminate();
    const id = await subject.client.publish(2);
    await post(two.url, "3");
    await subject.count(3);
    assert.deepEqual(subject.data, [1, 2, 3]);
    assert.equal(subject.items[1]?.id, id);
  });

  test("a drain with nowhere to go: it comes back when there is a server again", async (t) => {
    const journal = memory();
    const one = await replica(t, journal);
    const subject = new Subject(t, one.ws, { after: "oldest" });
    await post(one.url, "1");
    await subject.count(1);
    const { clients } = await one.app.lastcall.drain.start({ type: "request" });
    assert.equal(clients.cut, 0);
    await one.app.close();
    const waiting = await subject.status("waiting");
    assert.ok(waiting.type === "waiting");
    const two = await replica(t, journal);
    subject.target = two.ws;
    await post(two.url, "2");
    await subject.count(2);
    assert.deepEqual(subject.data, [1, 2]);
  });

  test("a slow application: the server stops, and nothing is lost", async (t) => {
    const host = await serve(t);
    const client = connect(host.ws, { WebSocket, after: "oldest", buffer: 10 });
    clientsOf(t).push(client);
    const published = Array.from({ length: 300 }, (_, i) => i);
    await Promise.all(published.map((i) => client.publish(i)));
    const got: unknown[] = [];
    for await (const { data } of client) {
      got.push(data);
      if (got.length % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (got.length === published.length) break;
    }
    assert.deepEqual(got, published);
  });

  test("a trimmed cursor is a gap", async (t) => {
    const journal = memory({ retentionItems: 2 });
    const host = await serve(t, { journal });
    const first = await post(host.url, "1");
    for (const data of ["2", "3", "4", "5"]) await post(host.url, data);
    const gaps: Gap[] = [];
    const subject = new Subject(t, host.ws, { after: first, onGap: (gap) => void gaps.push(gap) });
    await subject.count(2);
    assert.deepEqual([gaps.length, gaps[0]?.after, gaps[0]?.reason], [1, first, "trimmed"]);
    assert.deepEqual(subject.data, [4, 5]);
  });

  test("a refused upgrade tells its status, and its Retry-After is kept", async (t) => {
    const host = await serve(t, { maxConnections: 1 });
    const first = new Subject(t, host.ws);
    await first.status("open");
    const refused = await refusedUpgrade(host.ws);
    const second = new Subject(t, host.ws);
    const status = await second.status("waiting");
    assert.ok(status.type === "waiting");
    assert.equal(status.reason, "refused");
    assert.equal(status.message, `HTTP 503, Retry-After: ${refused.headers["retry-after"]}`);
    assert.ok(status.retryInMs >= 1_000);
  });

  test("an idle connection is kept by the server's heartbeats", async (t) => {
    const host = await serve(t, { heartbeatMs: 50 });
    const subject = new Subject(t, host.ws);
    await subject.status("open");
    const [socket] = subject.sockets;
    assert.ok(socket);
    for (let i = 0; i < 4; i += 1) await once(socket, "message");
    assert.equal(subject.sockets.length, 1);
  });
});

test("a port where nobody answers is waited for, and closing ends that", limit, async (t) => {
  const silent = createServer();
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => silent.close());
  const address = silent.address();
  assert.ok(typeof address === "object" && address !== null);
  const arrived = once(silent, "connection");
  const client = connect(`ws://127.0.0.1:${address.port}`, { WebSocket });
  const [socket] = await arrived;
  socket.on("error", () => {});
  const gone = once(socket.resume(), "close");
  await client.close();
  await gone;
});
