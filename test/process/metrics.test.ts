import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NO_PROMETHEUS, promtool, SCRAPE, valuesOf } from "../support/prometheus.js";
import { ask } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { V1Socket } from "../support/v1-socket.js";
import { assertClean } from "./farewell.js";
import { disturb, webSocketOf } from "./odd-traffic.js";

/** Series that have to be there, at 0, before anything has happened. */
const AT_ZERO = [
  'graceful_shutdown_total{outcome="clean"}',
  'graceful_shutdown_total{outcome="cut"}',
  'graceful_shutdown_total{outcome="failed"}',
  'graceful_shutdown_duration_seconds_count{outcome="clean"}',
  'graceful_shutdown_duration_seconds_bucket{le="300",outcome="cut"}',
  'graceful_shutdown_phase_duration_seconds_count{phase="window"}',
  'graceful_shutdown_phase_duration_seconds_count{phase="linger"}',
  "graceful_shutdown_in_progress",
  'graceful_shutdown_clients_total{result="told"}',
  'graceful_shutdown_clients_total{result="handed_over"}',
  'graceful_shutdown_clients_total{result="cut"}',
  "graceful_shutdown_items_total",
  'graceful_shutdown_requests_total{result="finished"}',
  'graceful_shutdown_requests_total{result="cut"}',
  "graceful_shutdown_publishes_cut_total",
  "graceful_shutdown_last_arrival_seconds",
  'lastcall_arrivals_total{phase="announce"}',
  'lastcall_arrivals_total{phase="linger"}',
  'lastcall_sockets{protocol="text"}',
  'lastcall_connections_total{phase="starting",result="refused"}',
  'lastcall_connections_total{phase="serving",result="accepted"}',
  'lastcall_connections_total{phase="close",result="refused"}',
  'lastcall_connections_closed_total{protocol="text",fate="handed_over"}',
  'lastcall_connections_closed_total{protocol="text",fate="cut"}',
  'lastcall_items_sent_total{protocol="text"}',
  "lastcall_items_total",
  "lastcall_replays_total",
  'lastcall_gaps_total{reason="trimmed"}',
  'lastcall_gaps_total{reason="replaced"}',
  'lastcall_ping_timeouts_total{protocol="text"}',
  'lastcall_slow_sessions_total{protocol="text"}',
  'lastcall_messages_received_total{protocol="text"}',
  'lastcall_published_total{result="appended"}',
  "lastcall_append_duration_seconds_count",
  "lastcall_follower_lag_seconds",
  "lastcall_item_age_seconds_count",
  'lastcall_ready{reason="starting"}',
  'lastcall_ready{reason="dependencies_unavailable"}',
];

describe("figures", { timeout: 60_000 }, () => {
  test("every series is there from the start, at 0; the budget as planned", async (t) => {
    const service = await Service.start(t, { FEED_INTERVAL_SECONDS: "0", ENDPOINT_REMOVAL_MAX_SECONDS: "15" });
    const values = valuesOf((await ask(t, service.url, "GET", "/metrics")).body);
    for (const series of AT_ZERO) assert.equal(values.get(series), 0, series);
    assert.equal(values.get('lastcall_ready{reason="ready"}'), 1);
    assert.equal(values.get('lastcall_dependency_up{dependency="journal"}'), 1);
    assert.equal(values.get('graceful_shutdown_budget_seconds{part="window"}'), 15);
    assert.equal(values.get('graceful_shutdown_budget_seconds{part="stagger"}'), 0);
    assert.equal(values.get('graceful_shutdown_budget_seconds{part="total"}'), 50);
    service.signal("SIGINT");
    assertClean(await service.ended());
  });

  test("/metrics stays up until the drain's figures were scraped; a look with curl is none", async (t) => {
    const service = await Service.start(t, { GRACEFUL_SHUTDOWN_TIMEOUT: "90", METRICS_LINGER_SECONDS: "50" });
    // A scrape before the drain has seen nothing of it.
    await ask(t, service.url, "GET", "/metrics", { headers: SCRAPE });
    service.signal("SIGTERM");
    await service.logged("Waiting for the figures to be scraped");
    for (let n = 0; n < 3; n += 1) assert.equal((await ask(t, service.url, "GET", "/metrics")).status, 200);
    assert.equal((await ask(t, service.url, "GET", "/health")).status, 200);
    assert.equal((await ask(t, service.url, "GET", "/items")).status, 503);
    assert.equal(service.all("Phase linger over").length, 0);
    const values = valuesOf((await ask(t, service.url, "GET", "/metrics", { headers: SCRAPE })).body);
    assert.equal(values.get('graceful_shutdown_total{outcome="clean"}'), 1);
    assert.equal(values.get('graceful_shutdown_duration_seconds_count{outcome="clean"}'), 1);
    assert.equal(values.get('graceful_shutdown_phase_duration_seconds_count{phase="release"}'), 1);
    const end = await service.ended();
    assertClean(end);
    assert.equal(end.receipt.phases.at(-1)?.outcome, "completed");
  });

  test("as many scrapes as asked for; without them it ends at its cap, and that is no fault", async (t) => {
    const service = await Service.start(t, { METRICS_LINGER_SECONDS: "1", METRICS_LINGER_SCRAPES: "2" });
    service.signal("SIGTERM");
    await service.logged("Waiting for the figures to be scraped");
    await ask(t, service.url, "GET", "/metrics", { headers: SCRAPE });
    for (let n = 0; n < 3; n += 1) await ask(t, service.url, "GET", "/metrics");
    const end = await service.ended();
    assertClean(end);
    assert.equal(end.receipt.phases.at(-1)?.outcome, "expired");
  });

  test("the receipt's counts are figures too, and so is who came late", async (t) => {
    const service = await Service.start(t, {
      GRACEFUL_SHUTDOWN_TIMEOUT: "90",
      METRICS_LINGER_SECONDS: "50",
      CLOSE_TIMEOUT_SECONDS: "1",
    });
    await Promise.all([TextClient.open(t, service.url), TextClient.open(t, service.url)]);
    const v1 = await V1Socket.open(t, webSocketOf(service));
    const slow = ask(t, service.url, "GET", "/slow?seconds=1.5");
    await ask(t, service.url, "GET", "/items");
    service.signal("SIGTERM");
    await service.logged("Telling all clients");
    assert.equal((await ask(t, service.url, "GET", "/items")).status, 503);
    assert.equal((await slow).status, 200);
    await service.logged("Waiting for the figures to be scraped");
    const values = valuesOf((await ask(t, service.url, "GET", "/metrics", { headers: SCRAPE })).body);
    const { receipt } = await service.ended();
    await v1.closed;
    const { clients, requests } = receipt;
    assert.deepEqual([clients.told, clients.left + clients.unanswered, requests.finished > 0], [3, 3, true]);
    const figures = {
      told: clients.told,
      flushed: clients.flushed,
      left: clients.left,
      handed_over: clients.handedOver,
      unanswered: clients.unanswered,
      gone: clients.gone,
      cut: clients.cut,
      echoed: clients.echoed,
    };
    for (const [result, count] of Object.entries(figures)) {
      assert.equal(values.get(`graceful_shutdown_clients_total{result="${result}"}`), count, result);
    }
    assert.equal(values.get("graceful_shutdown_items_total"), clients.items);
    assert.equal(values.get('graceful_shutdown_requests_total{result="finished"}'), requests.finished);
    assert.equal(values.get('graceful_shutdown_requests_total{result="cut"}'), 0);
    const late = [...values].filter(
      ([series, n]) => /^lastcall_arrivals_total\{phase="(?!serving)/.test(series) && n > 0,
    );
    assert.equal(late.length, 1, "the one that was refused, in whatever phase it was");
    assert.ok((values.get("graceful_shutdown_last_arrival_seconds") ?? 0) > 0);
    assert.ok((values.get('lastcall_arrivals_total{phase="serving"}') ?? 0) >= 5);
  });

  test("what is thrown at it makes no series that was not there from the start", async (t) => {
    const service = await Service.start(t, { GRACEFUL_SHUTDOWN_TIMEOUT: "90", METRICS_LINGER_SECONDS: "50" });
    const seriesOf = async () => {
      const { body } = await ask(t, service.url, "GET", "/metrics");
      const all = [...valuesOf(body).keys()];
      return { all, own: all.filter((series) => /^(lastcall|graceful_shutdown)_/.test(series)).sort() };
    };
    const first = await seriesOf();
    await disturb(t, service);
    const disturbed = await seriesOf();
    assert.deepEqual(disturbed.own, first.own);
    service.signal("SIGUSR2");
    await service.logged("Waiting for the figures to be scraped");
    const drained = await seriesOf();
    assert.deepEqual(drained.own, first.own);
    // Node's own: what is open, by kind, and the garbage collector's ways.
    const added = drained.all.filter((series) => !first.all.includes(series));
    assert.deepEqual(
      added.filter((series) => !/^nodejs_(active_(handles|requests|resources)|gc_duration_seconds\w*)\{/.test(series)),
      [],
    );
    assert.ok(drained.all.length < 700, `${drained.all.length} series`);
    await ask(t, service.url, "GET", "/metrics", { headers: SCRAPE });
    await service.ended();
  });

  test("promtool has nothing to say against them: idle, after traffic, drained", { skip: NO_PROMETHEUS }, async (t) => {
    const service = await Service.start(t, { GRACEFUL_SHUTDOWN_TIMEOUT: "90", METRICS_LINGER_SECONDS: "50" });
    const lint = async (when: string, headers = {}) => {
      const { body } = await ask(t, service.url, "GET", "/metrics", { headers });
      assert.deepEqual(await promtool(["check", "metrics"], body), { code: 0, said: "" }, when);
      for (const figure of [
        "process_cpu_seconds_total",
        "nodejs_eventloop_lag_p99_seconds",
        "nodejs_heap_size_used_bytes",
      ]) {
        assert.match(body, new RegExp(`^${figure} `, "m"));
      }
    };
    await lint("idle");
    await disturb(t, service);
    await lint("after traffic");
    service.signal("SIGTERM");
    await service.logged("Waiting for the figures to be scraped");
    await lint("drained", SCRAPE);
    await service.ended();
  });
});
