import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { assertClean } from "./farewell.js";

/** What Prometheus says of itself with every scrape. */
const SCRAPE = { "x-prometheus-scrape-timeout-seconds": "10" };

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
  'lastcall_ready{reason="starting"}',
  'lastcall_ready{reason="dependencies_unavailable"}',
];

function valuesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

describe("figures", { timeout: 60_000 }, () => {
  test("every series is there from the start, at 0; the budget as planned", async (t) => {
    const service = await Service.start(t, { FEED_INTERVAL_SECONDS: "0", ENDPOINT_REMOVAL_MAX_SECONDS: "15" });
    const values = valuesOf((await ask(t, service.url, "GET", "/metrics")).body);
    for (const series of AT_ZERO) assert.equal(values.get(series), 0, series);
    assert.equal(values.get('lastcall_ready{reason="ready"}'), 1);
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
});
