import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { freePort } from "../../src/rehearsal/free-port.js";
import { Collector, silent } from "../support/collector.js";
import { EventsClient } from "../support/events-client.js";
import { webSocketUrl } from "../support/fleet.js";
import { http } from "../support/http.js";
import type { OtlpSpan } from "../support/otlp.js";
import { ask, RawConnection } from "../support/raw-socket.js";
import { type Env, Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { V1Socket } from "../support/v1-socket.js";
import { assertClean } from "./farewell.js";

const WORKED = ["announce", "finish", "close", "requests", "release"];
const PARENT = { trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7" };

const tracing = (url: string): Env => ({ OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: url });

const namesOf = (spans: readonly OtlpSpan[]) => spans.map(({ name }) => name).sort();

/** Says, as the process ends, which files it loaded. */
const LOADED = `
  import { createRequire } from "node:module";
  process.on("exit", () => process.stderr.write(Object.keys(createRequire("/").cache).join("\\n")));`;
const listing = { node: [`--import=data:text/javascript,${encodeURIComponent(LOADED)}`] };

async function post({ url }: Service, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const { status } = await http(new URL("/items?stream=news", url), { method: "POST", headers, body: `{"a":1}` });
  assert.equal(status, 201);
}

async function loaded(t: TestContext, env: Env): Promise<readonly string[]> {
  const service = await Service.start(t, env, listing);
  service.signal("SIGINT");
  assertClean(await service.ended());
  return service.stderr.split("\n").map((path) => path.replace(/^.*\//, ""));
}

describe("traces", { timeout: 60_000 }, () => {
  test("of requests just before the end, and of the drain, have arrived when the process is gone", async (t) => {
    const collector = await Collector.start(t);
    const service = await Service.start(t, {
      ...tracing(collector.url),
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=a%20test,service.version=overridden",
    });
    const slow = await RawConnection.open(t, service.url);
    slow.send("GET", "/slow?seconds=1&token=secret");
    // Answered on connections made later: the slow request has been read by then.
    for (const path of ["/health", "/ready", "/metrics"]) await ask(t, service.url, "GET", path);
    await post(service, { traceparent: `00-${PARENT.trace}-${PARENT.span}-01` });
    assert.equal((await ask(t, service.url, "GET", "/items?after=broken")).status, 400);
    service.signal("SIGTERM");
    assert.equal((await slow.answer()).status, 200);
    const end = await service.ended();
    assertClean(end);
    const whole = await collector.span("graceful_shutdown");

    const requests = ["GET /items", "GET /slow", "POST /items", "journal append"];
    assert.deepEqual(namesOf(collector.spans), [...requests, ...WORKED, "graceful_shutdown"].sort());
    const line = "POST /v1/traces application/x-protobuf";
    for (const request of collector.requests) assert.equal(`${request.line} ${request.type}`, line);
    // What had ended did not wait for the rest.
    assert.deepEqual(namesOf(collector.requests.at(-1)?.spans ?? []), ["graceful_shutdown", "release"]);
    const one = (name: string) => collector.spans.find((span) => span.name === name) ?? assert.fail(name);
    const published = one("POST /items");
    assert.deepEqual([published.traceId, published.parentId, published.kind], [PARENT.trace, PARENT.span, 2]);
    assert.equal(published.attributes["http.response.status_code"], 201);
    assert.equal(one("journal append").parentId, published.spanId);
    assert.equal(one("journal append").attributes["lastcall.stream"], "news");
    assert.equal(one("GET /slow").parentId, "");
    assert.equal(one("GET /items").attributes["http.response.status_code"], 400);
    for (const { resource } of collector.spans) {
      assert.equal(resource["telemetry.sdk.language"], "nodejs");
      assert.equal(resource["service.name"], "lastcall");
      assert.equal(resource["service.version"], "overridden");
      assert.equal(resource["service.instance.id"], "pod-under-test");
      assert.equal(resource["deployment.environment.name"], "a test");
    }
    assert.ok(!collector.spans.some((span) => JSON.stringify(Object.values(span.attributes)).includes("secret")));

    const phases = collector.spans.filter(({ parentId }) => parentId === whole.spanId);
    assert.deepEqual(
      phases.sort((a, b) => Number(a.startNs - b.startNs)).map(({ name }) => name),
      WORKED,
    );
    for (const { traceId, startNs, endNs, attributes } of phases) {
      assert.ok(traceId === whole.traceId && startNs >= whole.startNs && endNs <= whole.endNs);
      assert.equal(attributes["graceful_shutdown.outcome"], "completed");
    }
    const { receipt } = end;
    const said = (name: string) => whole.attributes[`graceful_shutdown.${name}`];
    assert.deepEqual(
      [said("reason"), said("outcome"), said("exit_code"), said("plan.window_ms"), said("budget_ms")],
      ["SIGTERM", "clean", 0, 0, receipt.budgetMs],
    );
    assert.deepEqual([said("finals"), said("requests.finished"), said("clients.handed_over")], [3, 1, 0]);
    assert.equal(whole.status, 0);
    // The log leads to the trace, from the drain's first line to its last.
    const lines = service.lines.map((line) => JSON.parse(line));
    const begun = lines.findIndex(({ msg }) => msg === "graceful_shutdown_started");
    assert.ok(begun > 0);
    for (const { msg, trace_id, span_id } of lines.slice(begun)) {
      assert.deepEqual([trace_id, span_id], [whole.traceId, whole.spanId], msg);
    }
    assert.ok(lines.slice(0, begun).every(({ trace_id }) => trace_id !== whole.traceId));
  });

  test("leave sockets and streams of events alone, however long they stay", async (t) => {
    const collector = await Collector.start(t);
    const service = await Service.start(t, { ...tracing(collector.url), FEED_INTERVAL_SECONDS: "0" });
    const text = await TextClient.open(t, service.url);
    const v1 = await V1Socket.open(t, webSocketUrl(service.url));
    const events = await EventsClient.open(t, new URL("/events", service.url));
    v1.send({ type: "publish", key: "k", data: "an item" });
    await Promise.all([text.text("an item"), v1.message("item"), events.item()]);
    assert.equal((await ask(t, service.url, "GET", "/ws")).status, 426);
    service.signal("SIGTERM");
    await Promise.all([text.closed, v1.closed, events.ended]);
    assertClean(await service.ended());
    const whole = await collector.span("graceful_shutdown");
    assert.equal(whole.attributes["graceful_shutdown.clients.told"], 3);
    assert.deepEqual(namesOf(collector.spans), [...WORKED, "graceful_shutdown"].sort());
  });

  test("say what was cut", async (t) => {
    const collector = await Collector.start(t);
    const service = await Service.start(t, { ...tracing(collector.url), REQUESTS_TIMEOUT_SECONDS: "0.1" });
    const slow = await RawConnection.open(t, service.url);
    slow.send("GET", "/slow?seconds=50");
    for (let n = 0; n < 2; n += 1) await ask(t, service.url, "GET", "/health");
    service.signal("SIGTERM");
    assert.equal((await service.ended()).code, 1);
    const whole = await collector.span("graceful_shutdown");
    assert.equal(whole.attributes["graceful_shutdown.requests.cut"], 1);
    assert.equal(whole.status, 2);
    assert.equal((await collector.span("requests")).attributes["graceful_shutdown.outcome"], "expired");
  });

  test("of the drain are sent whatever share of the requests is traced", async (t) => {
    const collector = await Collector.start(t);
    const env = { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" };
    const service = await Service.start(t, { ...tracing(collector.url), ...env });
    await post(service);
    service.signal("SIGTERM");
    assertClean(await service.ended());
    await collector.span("graceful_shutdown");
    assert.deepEqual(namesOf(collector.spans), [...WORKED, "graceful_shutdown"].sort());
  });

  test("a collector that does not answer holds the exit up within the budget only: exit 0, and a warning", async (t) => {
    const collector = await Collector.start(t, silent);
    const budget = {
      FINISH_TIMEOUT_SECONDS: "0.5",
      CLOSE_TIMEOUT_SECONDS: "0.5",
      REQUESTS_TIMEOUT_SECONDS: "0.5",
      RELEASE_TIMEOUT_SECONDS: "0.5",
      GRACEFUL_SHUTDOWN_TIMEOUT: "2",
    };
    // The exporter itself would wait for longer than this test may take.
    const patient = { OTEL_EXPORTER_OTLP_TIMEOUT: "100000" };
    const service = await Service.start(t, { ...tracing(collector.url), ...budget, ...patient });
    await post(service);
    service.signal("SIGTERM");
    const { code } = await service.exit;
    assert.equal(code, 0);
    assert.equal(service.all("graceful_shutdown_completed")[0]?.receipt?.outcome, "clean");
    const warning = JSON.parse(service.lines.at(-1) ?? "");
    assert.equal(warning.msg, "Spans did not reach the collector");
    assert.deepEqual([warning.level, warning.lost, warning.sent], ["warn", 2 + WORKED.length + 1, 0]);
  });

  test("a collector that is not there neither fails nor holds up the drain: exit 0, and a warning", async (t) => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const service = await Service.start(t, { ...tracing(url), RELEASE_TIMEOUT_SECONDS: "0.5" });
    await post(service);
    service.signal("SIGTERM");
    assert.equal((await service.exit).code, 0);
    const { lost } = JSON.parse(service.lines.at(-1) ?? "");
    assert.equal(lost, 2 + WORKED.length + 1);
  });

  test("are off by default: nothing of it is loaded, and no collector is connected to", async (t) => {
    const collector = await Collector.start(t);
    const { OTEL_EXPORTER_OTLP_ENDPOINT = "" } = tracing(collector.url);
    const service = await Service.start(t, { OTEL_EXPORTER_OTLP_ENDPOINT });
    assert.deepEqual(
      service.all("Settings").map(({ warning }) => warning),
      ["OTEL_EXPORTER_OTLP_ENDPOINT is set, but traces are sent only with OTEL_TRACES_EXPORTER=otlp"],
    );
    service.signal("SIGINT");
    assertClean(await service.ended());
    assert.equal(collector.connections, 0);

    assert.deepEqual(await loaded(t, {}), ["lastcall.js"]);
    const disabled = { ...tracing(collector.url), OTEL_SDK_DISABLED: "true" };
    assert.deepEqual(await loaded(t, disabled), ["lastcall.js"]);
    assert.deepEqual(await loaded(t, tracing(collector.url)), ["lastcall.js", "lastcall-tracing.cjs"]);
  });
});
