import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell } from "./farewell.js";

const PROBES = ["/health", "/ready", "/metrics"];

describe("ADMIN_PORT", { timeout: 60_000 }, () => {
  test("takes health, ready and metrics off the public port, and answers to the end of the drain", async (t) => {
    const service = await Service.start(t, {
      ADMIN_PORT: "0",
      METRICS_LINGER_SECONDS: "20",
      CLOSE_TIMEOUT_SECONDS: "1",
    });
    const { url, adminUrl } = service;
    assert.notEqual(url.port, adminUrl.port);
    for (const path of PROBES) {
      assert.equal((await ask(t, adminUrl, "GET", path)).status, 200, path);
      const missing = await ask(t, url, "GET", path);
      assert.equal(missing.status, 404, path);
      assert.equal(JSON.parse(missing.body).code, "not_found");
    }
    assert.equal((await ask(t, adminUrl, "GET", "/items")).status, 404);

    const client = await TextClient.open(t, url);
    service.signal("SIGTERM");
    await client.closed;
    assertFarewell(client, 3);
    await service.logged("Waiting for the figures to be scraped");
    assert.equal((await ask(t, adminUrl, "GET", "/health")).status, 200);
    const ready = await ask(t, adminUrl, "GET", "/ready");
    assert.equal(ready.status, 503);
    assert.equal(JSON.parse(ready.body).reason, "shutting_down");
    assert.equal(ready.headers.get("connection"), "close");
    const headers = { "x-prometheus-scrape-timeout-seconds": "10" };
    const metrics = await ask(t, adminUrl, "GET", "/metrics", { headers });
    assert.match(metrics.body, /^graceful_shutdown_total\{outcome="clean"\} 1$/m);
    const end = await service.ended();
    assertClean(end);
    assert.equal(end.receipt.phases.at(-1)?.outcome, "completed");
  });
});
