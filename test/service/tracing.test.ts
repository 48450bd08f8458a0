import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { FastifyOtelInstrumentation } from "@fastify/otel";
import { context, diag, propagation } from "@opentelemetry/api";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { fastify } from "fastify";
import { systemClock } from "../../src/base/clock.js";
import { deferred } from "../../src/base/deferred.js";
import { lastcall } from "../../src/fastify.js";
import { readSettings } from "../../src/service/env.js";
import { startTracing } from "../../src/service/tracing.js";
import { memory, QUICK } from "../server/kit.js";
import { LogLines } from "../server/log-lines.js";
import { accepted, Collector } from "../support/collector.js";
import { EventsClient } from "../support/events-client.js";
import { webSocketUrl } from "../support/fleet.js";
import { http } from "../support/http.js";
import { ask, RawConnection } from "../support/raw-socket.js";
import { TextClient } from "../support/text-client.js";
import { V1Socket } from "../support/v1-socket.js";
import { faultsOf } from "./faults.js";

const ON = { OTEL_TRACES_EXPORTER: "otlp" };

describe("settings of tracing", () => {
  test("an endpoint is completed, one for traces is taken as it stands", () => {
    const urlOf = (env: Record<string, string>) => readSettings({ ...ON, ...env }).tracing?.url;
    assert.equal(urlOf({}), "http://localhost:4318/v1/traces");
    assert.equal(urlOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c/otlp/" }), "https://c/otlp/v1/traces");
    const both = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://c", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://d/" };
    assert.equal(urlOf(both), "https://d/");
  });

  test("another signal's protocol is nobody's fault where traces have their own", () => {
    const traces = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf" };
    assert.notEqual(readSettings({ ...ON, ...traces }).tracing, undefined);
  });

  test("are nobody's fault while tracing is off", () => {
    const faulty = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_TRACES_SAMPLER: "jaeger_remote" };
    for (const env of [{}, { OTEL_TRACES_EXPORTER: "none" }, { ...ON, OTEL_SDK_DISABLED: "true" }]) {
      const { tracing, warnings } = readSettings({ ...faulty, ...env });
      assert.deepEqual([tracing, warnings], [undefined, []]);
    }
    assert.deepEqual(
      faultsOf({ ...faulty, ...ON }).faults.map(({ variable }) => variable),
      Object.keys(faulty),
    );
  });

  test("an endpoint without the switch is warned of, once it means nothing", () => {
    const endpoint = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c/v1/traces" };
    const [warning = "", ...more] = readSettings(endpoint).warnings;
    assert.match(warning, /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, .* OTEL_TRACES_EXPORTER=otlp$/);
    assert.deepEqual(more, []);
    for (const said of [ON, { OTEL_TRACES_EXPORTER: "none" }, { OTEL_SDK_DISABLED: "true" }]) {
      assert.deepEqual(readSettings({ ...endpoint, ...said }).warnings, []);
    }
  });

  test("never show what an endpoint's password is", () => {
    const { message } = faultsOf({ ...ON, OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://me:hunter2@c" });
    assert.doesNotMatch(message, /hunter2/);
  });
});

/** Tracing as the service has it, with an application that it traces. */
async function traced(url: string, env: Record<string, string> = {}) {
  const { tracing: settings } = readSettings({ ...ON, OTEL_EXPORTER_OTLP_ENDPOINT: url, ...env });
  assert.ok(settings !== undefined);
  const log = new LogLines();
  const write = (level: string) => (fields: object, msg: string) =>
    log.write(JSON.stringify({ level, msg, ...fields }));
  const app = fastify();
  // It is made for one start a process.
  for (const api of [context, diag, propagation]) api.disable();
  const tracing = startTracing(settings, {
    log: { info: write("info"), warn: write("warn"), error: write("error") },
    clock: systemClock,
    version: "1.2.3",
    pod: "a-pod",
  });
  await app.register(tracing.requests);
  return { app, tracing, log };
}

describe("a process that traces", () => {
  test("knows, wherever a request goes on, whose trace its log lines belong to", async (t) => {
    const collector = await Collector.start(t);
    const { app, tracing } = await traced(collector.url);
    t.after(() => app.close());
    app.post("/own", async () => {
      const before = tracing.logFields();
      await new Promise((resolve) => setImmediate(resolve));
      return [before, tracing.logFields()];
    });
    const url = new URL(await app.listen({ port: 0, host: "127.0.0.1" }));
    assert.deepEqual(tracing.logFields(), {});
    // Two at a time, whose bodies come in pieces, long after their heads.
    const connections = [await RawConnection.open(t, url), await RawConnection.open(t, url)];
    for (const piece of [
      "POST /own HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n",
      "content-length: 7\r\n\r\n",
      `{"a"`,
      ":1}",
    ]) {
      for (const { socket } of connections) socket.write(piece);
      // Answered on a connection made later: the piece has been read by then.
      for (let n = 0; n < 2; n += 1) assert.equal((await ask(t, url, "GET", "/none")).status, 404);
    }
    const answers = await Promise.all(connections.map((connection) => connection.answer()));
    await tracing.close(10_000);
    const ids = answers.map(({ body }) => {
      const [before, after] = JSON.parse(body);
      assert.deepEqual(before, after);
      return before;
    });
    const byId = (a: { span_id: string }, b: { span_id: string }) => (a.span_id < b.span_id ? -1 : 1);
    const sent = collector.spans
      .filter(({ name }) => name === "POST /own")
      .map(({ traceId, spanId }) => ({ trace_id: traceId, span_id: spanId }));
    assert.equal(sent.length, 2);
    assert.deepEqual(ids.sort(byId), sent.sort(byId));
    assert.deepEqual(tracing.logFields(), {});
  });

  for (const [sampler, alone, called] of [
    ["always_on", true, true],
    ["always_off", false, false],
    ["traceidratio", false, false],
    ["parentbased_always_on", true, true],
    ["parentbased_always_off", false, true],
    ["parentbased_traceidratio", false, true],
  ] as const) {
    test(`samples as ${sampler} says`, async (t) => {
      const collector = await Collector.start(t);
      const env = { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: "0" };
      const { app, tracing } = await traced(collector.url, env);
      t.after(() => app.close());
      for (const path of ["/alone", "/called"]) app.get(path, async () => "served");
      await app.inject("/alone");
      const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
      await app.inject({ url: "/called", headers: { traceparent } });
      await tracing.close(10_000);
      const expected = [...(alone ? ["GET /alone"] : []), ...(called ? ["GET /called"] : [])];
      assert.deepEqual(
        collector.spans.map(({ name }) => name),
        expected,
      );
    });
  }

  test("tells once that the collector refuses its spans, and once that it takes them again", async (t) => {
    let status = 400;
    const collector = await Collector.start(t, (response) => {
      if (status === 200) accepted(response);
      else response.writeHead(status).end();
    });
    const { app, tracing, log } = await traced(collector.url);
    t.after(() => app.close());
    app.get("/own", async () => "served");
    // As many as are sent at once, whatever the time.
    const batch = async () => {
      for (let n = 0; n < 512; n += 1) assert.equal((await app.inject("/own")).statusCode, 200);
    };
    await batch();
    const told = await log.line("Traces cannot be sent; trying again with the next ones");
    assert.deepEqual([told.level, told["spans"]], ["warn", 512]);
    status = 200;
    await batch();
    assert.equal((await log.line("Traces are sent again"))["lost"], 512);
    await app.inject("/own");
    await tracing.close(10_000);
    assert.deepEqual(
      log.lines.map(({ msg }) => msg),
      [
        "Traces cannot be sent; trying again with the next ones",
        "Traces are sent again",
        "Spans did not reach the collector",
      ],
    );
    const last = log.lines.at(-1);
    assert.deepEqual([last?.["lost"], last?.["sent"]], [512, 513]);
  });

  test("waits, as it ends, for every batch under way, though another one was refused", async (t) => {
    const held: ServerResponse[] = [];
    const all = deferred();
    const collector = await Collector.start(t, (response) => {
      if (held.push(response) === 3) all.resolve();
    });
    const { app, tracing, log } = await traced(collector.url);
    t.after(() => app.close());
    app.get("/own", async () => "served");
    // The first 512 are under way when the rest, more than one batch, is to be sent.
    for (let n = 0; n < 512 + 600; n += 1) await app.inject("/own");
    const closed = tracing.close(60_000);
    await all.promise;
    held.pop()?.writeHead(400).end();
    await log.line("Traces cannot be sent; trying again with the next ones");
    for (const response of held) accepted(response);
    await closed;
    const refused = collector.requests.at(-1)?.spans.length ?? 0;
    const last = await log.line("Spans did not reach the collector");
    assert.deepEqual([last["lost"], last["sent"]], [refused, 512 + 600 - refused]);
  });

  test("warns of what OpenTelemetry itself finds odd, in words", async (t) => {
    const collector = await Collector.start(t, (response) => response.end("no protobuf"));
    const { app, tracing, log } = await traced(collector.url);
    t.after(() => app.close());
    await app.inject("/none");
    await tracing.close(10_000);
    assert.equal(log.lines.length, 1);
    assert.match(
      log.lines[0]?.msg ?? "",
      /^OpenTelemetry: \w+ Export succeeded but could not deserialize response\b.* Error/,
    );
  });

  test("marks what failed, and where", async (t) => {
    const collector = await Collector.start(t);
    const { app, tracing } = await traced(collector.url);
    t.after(() => app.close());
    const journal = tracing.journal(memory());
    await app.register(lastcall, { journal, budget: QUICK });
    await app.ready();
    await journal.close();
    const answer = await app.inject({ method: "POST", url: "/items", payload: { a: 1 } });
    assert.equal(answer.statusCode, 503);
    await tracing.close(10_000);
    const [request, append] = ["POST /items", "journal append"].map((name) =>
      collector.spans.find((span) => span.name === name),
    );
    assert.deepEqual([request?.status, append?.status], [2, 2]);
    assert.equal(append?.events[0]?.name, "exception");
  });
});

describe("a host's own @fastify/otel", () => {
  test("traces the host's routes and the plugin's, but no probe, socket or stream of events; all are served", async (t) => {
    const exporter = new InMemorySpanExporter();
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
    // Everything on, as it is when nobody says otherwise.
    const otel = new FastifyOtelInstrumentation();
    otel.setTracerProvider(provider);
    const app = fastify();
    t.after(() => app.close());
    await app.register(otel.plugin());
    await app.register(lastcall, { journal: memory(), budget: QUICK });
    app.get("/own", async () => "served");
    const url = new URL(await app.listen({ port: 0, host: "127.0.0.1" }));

    const text = await TextClient.open(t, url);
    const v1 = await V1Socket.open(t, webSocketUrl(url));
    const events = await EventsClient.open(t, new URL("/events", url));
    v1.send({ type: "publish", key: "k", data: "an item" });
    await Promise.all([text.text("an item"), v1.message("item"), v1.message("ack"), events.item()]);
    for (const path of ["/health", "/ready", "/metrics", "/own"]) {
      assert.equal((await ask(t, url, "GET", path)).status, 200);
    }
    assert.equal((await http(new URL("/items", url), { method: "POST", body: `{"a":1}` })).status, 201);

    const drained = app.lastcall.drain.start({ type: "request" });
    await Promise.all([text.closed, v1.closed, events.ended]);
    assert.equal((await drained).outcome, "clean");
    await app.close();
    const roots = exporter.getFinishedSpans().filter(({ name }) => name === "request");
    assert.deepEqual(roots.map(({ attributes }) => attributes["http.route"]).sort(), ["/items", "/own"]);
    const routes = new Set(exporter.getFinishedSpans().map(({ attributes }) => attributes["http.route"]));
    for (const path of ["/ws", "/events", "/health", "/ready", "/metrics"]) assert.ok(!routes.has(path), path);
  });
});
