import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deferred } from "../../src/base/deferred.js";
import { BUDGET_DEFAULTS } from "../../src/drain/budget.js";
import { ManualClock } from "../support/manual-clock.js";
import { altered, type Host, listen, memory, post, postRaw, prepare, QUICK, refusedUpgrade } from "./kit.js";
import { TextClient } from "./text-client.js";

type Figures = ReadonlyMap<string, number>;

function parse(text: string): Figures {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line): [string, number] => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

async function scrape({ url }: Pick<Host, "url">, headers = {}): Promise<Figures> {
  const response = await fetch(`${url}/metrics`, { headers });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  return parse(await response.text());
}

const labels = (name: string, label: string, values: readonly string[]) =>
  values.map((v) => `${name}{${label}="${v}"}`);
const PHASES = ["window", "announce", "finish", "close", "requests", "release", "linger"];
const OUTCOMES = ["clean", "cut", "failed"];
const RESULTS = ["told", "flushed", "left", "handed_over", "unanswered", "gone", "cut", "echoed"];

/** Every series that has to be there, at 0, before anything has happened. */
const ZERO = [
  ...labels("graceful_shutdown_total", "outcome", OUTCOMES),
  ...labels("graceful_shutdown_duration_seconds_count", "outcome", OUTCOMES),
  ...OUTCOMES.map((outcome) => `graceful_shutdown_duration_seconds_bucket{le="300",outcome="${outcome}"}`),
  ...labels("graceful_shutdown_phase_duration_seconds_count", "phase", PHASES),
  "graceful_shutdown_in_progress",
  ...["sockets", "items_sent_total", "ping_timeouts_total", "slow_sessions_total", "messages_received_total"].flatMap(
    (name) => labels(`lastcall_${name}`, "protocol", ["text"]),
  ),
  ...["gone", "left", "handed_over", "unanswered", "cut", "silent", "lost"].map(
    (fate) => `lastcall_connections_closed_total{protocol="text",fate="${fate}"}`,
  ),
  ...["starting", "serving", ...PHASES].flatMap((phase) =>
    ["accepted", "refused"].map((result) => `lastcall_connections_total{phase="${phase}",result="${result}"}`),
  ),
  "lastcall_items_total",
  "lastcall_replays_total",
  ...labels("lastcall_gaps_total", "reason", ["trimmed", "replaced"]),
  ...labels("lastcall_published_total", "result", ["appended", "repeated", "refused", "failed"]),
  "lastcall_append_duration_seconds_count",
  "lastcall_follower_lag_seconds",
  "lastcall_item_age_seconds_count",
  ...labels("lastcall_arrivals_total", "phase", ["starting", "serving", ...PHASES]),
  ...labels("graceful_shutdown_clients_total", "result", RESULTS),
  ...labels("graceful_shutdown_requests_total", "result", ["finished", "cut"]),
  "graceful_shutdown_items_total",
  "graceful_shutdown_publishes_cut_total",
  "graceful_shutdown_last_arrival_seconds",
  'lastcall_dependency_up{dependency="journal"}',
];

describe("GET /metrics", () => {
  test("has every series from the start, at 0, and the plan, the version and the readiness", async (t) => {
    const { app } = await prepare(t, { version: "1.2.3", revision: "abc", budget: BUDGET_DEFAULTS });
    const figures = parse((await app.inject("/metrics")).body);
    for (const series of ZERO) assert.equal(figures.get(series), 0, series);
    const plan = { window: 15, finish: 5, stagger: 5, close: 5, requests: 10, release: 5, linger: 0, total: 50 };
    for (const [part, seconds] of Object.entries(plan)) {
      assert.equal(figures.get(`graceful_shutdown_budget_seconds{part="${part}"}`), seconds, part);
    }
    assert.equal(figures.get(`lastcall_build_info{version="1.2.3",revision="abc"}`), 1);
    const ready = ["ready", "starting", "shutting_down", "dependencies_unavailable"].map((reason) =>
      figures.get(`lastcall_ready{reason="${reason}"}`),
    );
    assert.deepEqual(ready, [0, 1, 0, 0]);
    assert.ok((figures.get("process_cpu_seconds_total") ?? 0) > 0, "Node's own figures");
  });

  test("counts clients, items, messages and publishes as they come and go", async (t) => {
    const host = await listen(t);
    const { app, url, ws, log } = host;
    const clients = await Promise.all([1, 2].map(() => TextClient.connect(t, ws)));
    const first = await post(url, "1");
    assert.equal((await postRaw(url, "2", { key: "k" })).status, 201);
    assert.equal((await postRaw(url, "2", { key: "k" })).status, 200);
    assert.equal((await postRaw(url, "3", { key: "k" })).status, 409);
    assert.equal((await postRaw(url, `"CLOSE"`)).status, 422);
    for (const client of clients) await client.atLeast(2);
    const replay = await TextClient.connect(t, `${ws}?after=${first}`);
    await replay.atLeast(1);
    clients[0]?.socket.send("hello");
    await log.line("Received message");
    clients[1]?.socket.close();
    await log.line("Client disconnected");
    assert.equal((await fetch(`${url}/items?after=9-00000000`)).status, 410);
    assert.equal((await refusedUpgrade(`${ws}?after=9-00000000`)).status, 410);
    const expected = {
      'lastcall_sockets{protocol="text"}': 2,
      'lastcall_connections_total{phase="serving",result="accepted"}': 3,
      'lastcall_connections_total{phase="serving",result="refused"}': 1,
      'lastcall_connections_closed_total{protocol="text",fate="gone"}': 1,
      lastcall_items_total: 2,
      'lastcall_items_sent_total{protocol="text"}': 5,
      'lastcall_messages_received_total{protocol="text"}': 1,
      lastcall_replays_total: 1,
      'lastcall_gaps_total{reason="replaced"}': 2,
      'lastcall_published_total{result="appended"}': 2,
      'lastcall_published_total{result="repeated"}': 1,
      'lastcall_published_total{result="refused"}': 2,
      lastcall_append_duration_seconds_count: 2,
      'lastcall_ready{reason="ready"}': 1,
      'lastcall_ready{reason="starting"}': 0,
    };
    const figures = await scrape(host);
    assert.deepEqual(
      Object.fromEntries(Object.keys(expected).map((series) => [series, figures.get(series)])),
      expected,
    );
    assert.equal(app.lastcall.roster.size, 2);
  });

  test("counts who is refused, by the stage", async (t) => {
    const fault = { on: true };
    const clock = new ManualClock();
    const check = async () => {
      if (fault.on) throw new Error("down");
    };
    const host = await listen(t, { maxConnections: 1, clock, journal: altered(memory(), { check }) });
    assert.equal((await refusedUpgrade(host.ws)).status, 503);
    const down = await scrape(host);
    fault.on = false;
    await clock.advance(2_000);
    const client = await TextClient.connect(t, host.ws);
    assert.equal((await refusedUpgrade(host.ws)).status, 503);
    const figures = await scrape(host);
    assert.equal(down.get('lastcall_dependency_up{dependency="journal"}'), 0);
    assert.equal(figures.get('lastcall_dependency_up{dependency="journal"}'), 1);
    assert.equal(figures.get('lastcall_arrivals_total{phase="starting"}'), 1);
    assert.equal(figures.get('lastcall_arrivals_total{phase="serving"}'), 2);
    assert.equal(figures.get('lastcall_connections_total{phase="starting",result="refused"}'), 1);
    assert.equal(figures.get('lastcall_connections_total{phase="serving",result="refused"}'), 1);
    assert.equal(figures.get('lastcall_connections_total{phase="serving",result="accepted"}'), 1);
    client.socket.close();
    await client.closed;
  });

  test("the follower's lag is the age of the last item when it came", async (t) => {
    const behind = new ManualClock();
    const host = await listen(t, { clock: new ManualClock(behind.epoch() + 3_000), journal: memory({}, behind) });
    const client = await TextClient.connect(t, host.ws);
    await post(host.url, "1");
    await client.atLeast(1);
    const figures = await scrape(host);
    assert.equal(figures.get("lastcall_follower_lag_seconds"), 3);
    assert.equal(figures.get('lastcall_item_age_seconds_bucket{le="2.5"}'), 0);
    assert.equal(figures.get('lastcall_item_age_seconds_bucket{le="5"}'), 1);
    client.socket.close();
    await client.closed;
  });

  test("a journal that the drain closed is not one that was lost", async (t) => {
    const clock = new ManualClock();
    const host = await listen(t, { clock, budget: { ...QUICK, timeoutMs: 90_000, lingerMs: 60_000 } });
    const drained = host.app.lastcall.drain.start({ type: "request" });
    await host.log.line("Waiting for the figures to be scraped");
    for (let looks = 0; looks < 3; looks += 1) await clock.advance(2_000);
    const figures = await scrape(host, { "X-Prometheus-Scrape-Timeout-Seconds": "10" });
    assert.equal(figures.get('lastcall_dependency_up{dependency="journal"}'), 1);
    assert.deepEqual(
      host.log.all("Dependency checked").map(({ state }) => state),
      ["ok"],
    );
    await drained;
  });

  test("shows a drain while it runs, and its figures to the scrape that the linger waits for", async (t) => {
    const gate = deferred();
    const source = () => ({ finish: () => gate.promise.then(() => 0) });
    const host = await listen(t, { source, budget: { ...QUICK, timeoutMs: 60_000, lingerMs: 30_000 } });
    const client = await TextClient.connect(t, host.ws);
    const drained = host.app.lastcall.drain.start({ type: "request" });
    const during = await scrape(host);
    assert.equal(during.get("graceful_shutdown_in_progress"), 1);
    assert.equal(during.get('lastcall_ready{reason="shutting_down"}'), 1);
    assert.equal(during.get('graceful_shutdown_total{outcome="clean"}'), 0);
    gate.resolve();
    assert.equal(await client.closed, 1012);
    await host.log.line("Waiting for the figures to be scraped");
    // Whoever only looks is no Prometheus.
    await scrape(host);
    assert.equal(host.app.lastcall.drain.stage, "linger");
    const after = await scrape(host, { "X-Prometheus-Scrape-Timeout-Seconds": "10" });
    const receipt = await drained;
    assert.equal(receipt.outcome, "clean");
    assert.equal(receipt.phases.at(-1)?.outcome, "completed", "the linger ended with the scrape");
    assert.equal(after.get("graceful_shutdown_in_progress"), 0);
    assert.equal(after.get('graceful_shutdown_total{outcome="clean"}'), 1);
    assert.equal(after.get('graceful_shutdown_duration_seconds_count{outcome="clean"}'), 1);
    assert.equal(after.get('graceful_shutdown_phase_duration_seconds_count{phase="close"}'), 1);
    assert.equal(after.get('lastcall_connections_closed_total{protocol="text",fate="left"}'), 1);
    assert.equal(after.get('lastcall_sockets{protocol="text"}'), 0);
  });
});
