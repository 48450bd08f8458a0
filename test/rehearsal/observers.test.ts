import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { WebSocketServer } from "ws";
import { systemClock } from "../../src/base/clock.js";
import { loadAdapter } from "../../src/rehearsal/adapter.js";
import { until } from "../../src/rehearsal/context.js";
import { dataOf } from "../../src/rehearsal/marks.js";
import { PlainObserver } from "../../src/rehearsal/observe-plain.js";
import { SseObserver } from "../../src/rehearsal/observe-sse.js";
import { V1Observer } from "../../src/rehearsal/observe-v1.js";
import type { Observer } from "../../src/rehearsal/observer.js";
import type { Mark, Sighting } from "../../src/rehearsal/record.js";
import { ownUrl } from "../../src/rehearsal/urls.js";
import { folder, webSocketUrl } from "../support/fleet.js";
import { http } from "../support/http.js";
import { type Env, Service } from "../support/service.js";
import { context, RUN, watching } from "./kit.js";

const PATIENCE_MS = 20_000;

/** The text protocol, as a foreign one. */
const ADAPTER = `
export const open = (send, client) => { client.opened = (client.opened ?? 0) + 1; send("hello"); };
export function read(frame, send, client) {
  if (!frame.startsWith("{")) return undefined;
  const { publisher, n } = JSON.parse(frame);
  return { key: publisher + client.opened, n };
}
`;

async function everyKind(t: TestContext, url: URL): Promise<readonly Observer[]> {
  const file = join(await folder(t), "adapter.mjs");
  await writeFile(file, ADAPTER);
  const shared = watching({ replicaOf: (port) => (port > 0 ? "pod-of-the-balancer" : undefined) });
  const observers = [
    new V1Observer("v1", webSocketUrl(url), shared),
    new SseObserver("sse", ownUrl(url, "/events", "http"), shared),
    new PlainObserver("text", webSocketUrl(url), shared),
    new PlainObserver("adapter", webSocketUrl(url), shared, loadAdapter(file)),
  ];
  t.after(() => Promise.all(observers.map((one) => one.close())));
  return observers;
}

async function all(observers: readonly Observer[], so: (one: Observer) => boolean): Promise<void> {
  const there = await until(context(), PATIENCE_MS, () => observers.every(so), new AbortController().signal);
  assert.ok(there, observers.map((one) => `${one.name}: ${JSON.stringify(one.notes.sightings.at(-1))}`).join("\n"));
}

async function publish(url: URL, mark: Mark): Promise<string> {
  const body = dataOf(RUN, mark, { at: systemClock.epoch(), padBytes: 0 });
  return JSON.parse((await http(new URL("/items", url), { method: "POST", body })).body).id;
}

const QUIET: Env = { FEED_INTERVAL_SECONDS: "0" };

function without(sightings: readonly Sighting[]): readonly object[] {
  return sightings.map(({ at, ...rest }) => {
    assert.ok(at > 0);
    return rest;
  });
}

test("what a connection sees from its beginning to the end of its server's drain", async (t) => {
  const service = await Service.start(t, QUIET);
  const observers = await everyKind(t, service.url);
  await all(observers, ({ connected }) => connected);
  const id = await publish(service.url, { publisher: "p1", n: 1 });
  await all(observers, ({ notes }) => notes.count("item") === 1);
  const [v1, sse, text, adapter] = observers.map(({ notes }) => notes);
  assert.ok(v1 && sse && text && adapter);
  assert.ok(v1.reached({ publisher: "p1", n: 1 }) && !v1.reached({ publisher: "p1", n: 2 }));
  assert.ok(!v1.reached({ publisher: "p2", n: 1 }));

  service.signal("SIGTERM");
  await all(observers, ({ notes }) => notes.count("shutdown") === 1 || notes === adapter);
  await service.exit;
  await all(observers, ({ notes }) => notes.count("end") + notes.count("leave") >= 1);
  const connection = 0;
  const mark = { publisher: "p1", n: 1 };
  const replica = "pod-of-the-balancer";
  const begun = [
    { type: "dial", connection },
    { type: "open", connection, replica },
  ];
  const cursor = v1.sightings.find((seen) => seen.type === "hello")?.cursor;
  const hello = [
    { type: "start", after: undefined, connection },
    { type: "hello", cursor, connection },
    { type: "item", id, mark, connection },
  ];
  const end = { type: "end", code: undefined, error: undefined, connection };
  const first = ({ sightings }: typeof v1) => without(sightings.filter((seen) => seen.connection === 0));
  const told = [
    { type: "shutdown", connection },
    { type: "close", connection },
  ];
  assert.deepEqual(first(v1), [...begun, ...hello, ...told, { ...end, code: 1012 }]);
  assert.deepEqual(first(sse), [...begun, ...hello, ...told, end]);
  const plain = { type: "item", id: undefined, mark, connection };
  assert.deepEqual(first(text), [...begun, plain, ...told, { ...end, code: 1012 }]);
  assert.deepEqual(first(adapter), [...begun, { ...plain, mark: { publisher: "p11", n: 1 } }, { ...end, code: 1012 }]);

  // There is nobody to come back to.
  const refused = (seen: Sighting) => seen.type === "refused" && seen.error === "ECONNREFUSED";
  await all(observers, ({ notes }) => notes.sightings.some(refused));
  for (const { notes } of observers) assert.equal(notes.standing.size, 0);
});

test("who is full refuses, and that is no connection", async (t) => {
  const service = await Service.start(t, { ...QUIET, MAX_CONNECTIONS: "1" });
  const [v1] = await everyKind(t, service.url);
  assert.ok(v1);
  await all([v1], ({ notes }) => notes.count("open") + notes.count("refused") > 0);
  const observers = await everyKind(t, service.url);
  await all(observers, ({ notes }) => notes.count("refused") > 0);
  for (const { name, notes } of observers) {
    const refused = notes.sightings.find((seen) => seen.type === "refused");
    assert.equal(refused?.type === "refused" && refused.status, name === "sse" ? 200 : 503, name);
    assert.equal(notes.count("open"), 0, name);
  }
});

test("what the library gave out is kept beside what came on the wire; leaving is noted once", async (t) => {
  const service = await Service.start(t, QUIET);
  const observers = await everyKind(t, service.url);
  await all(observers, ({ connected }) => connected);
  const ids: string[] = [];
  for (let n = 1; n <= 3; n += 1) ids.push(await publish(service.url, { publisher: "p1", n }));
  await all(observers, (one) => one.reached({ publisher: "p1", n: 3 }) || one.reached({ publisher: "p11", n: 3 }));
  await Promise.all(observers.map((one) => one.close()));
  const [v1, ...others] = observers.map(({ record }) => record);
  assert.deepEqual(
    v1?.given?.map(({ id, mark }) => [id, mark?.n]),
    ids.map((id, i) => [id, i + 1]),
  );
  for (const { name, sightings, given } of others) {
    assert.equal(given, undefined);
    assert.deepEqual(sightings.at(-1)?.type, "leave", name);
    assert.equal(sightings.filter(({ type }) => type === "leave").length, 1, name);
  }
});

test("a client that hears nothing for too long gives its connection up", async (t) => {
  const service = await Service.start(t, QUIET);
  const shared = watching({ silenceMs: 300 });
  const observers = [
    new SseObserver("sse", ownUrl(service.url, "/events", "http"), shared),
    new PlainObserver("text", webSocketUrl(service.url), shared),
  ];
  t.after(() => Promise.all(observers.map((one) => one.close())));
  await all(observers, ({ notes }) => notes.count("leave") > 0);
});

test("an adapter that is none is refused", async (t) => {
  const file = join(await folder(t), "adapter.mjs");
  await writeFile(file, "export const open = () => {};");
  assert.throws(() => loadAdapter(file), { code: "invalid_request", message: /expected an export `read/ });
  assert.throws(() => loadAdapter("nowhere.mjs"), { code: "invalid_request", message: /^the adapter nowhere.mjs: / });
});

test("a server that closes with 1000, or without a code, ended the connection: the client did not leave", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  const codes = [1000, undefined, 1001];
  let connections = 0;
  server.on("connection", (socket) => {
    socket.close(codes[connections]);
    connections += 1;
  });
  const { port } = server.address() as AddressInfo;
  const observer = new PlainObserver("text", `ws://127.0.0.1:${port}/`, watching());
  t.after(() => observer.close());
  await all([observer], ({ notes }) => notes.count("end") >= codes.length);
  const ends = observer.notes.sightings.flatMap((seen) => (seen.type === "end" ? [seen.code] : []));
  assert.deepEqual(ends.slice(0, 3), [1000, 1005, 1001]);
  assert.equal(observer.notes.count("leave"), 0);
});
