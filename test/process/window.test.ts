import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { ask, RawConnection, UPGRADE } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell, clientsOf, everybodyLeft } from "./farewell.js";

/** Without an arrival for this long, the window may end (src/drain/window.ts). */
const QUIET_MS = 1_000;

function windowOf(service: Service) {
  return service.logged("Phase window over");
}

describe("in the window everything is served as before", { timeout: 60_000 }, () => {
  test("new WebSockets, items and probes; responses carry Connection: close", async (t) => {
    const service = await Service.start(t, { ENDPOINT_REMOVAL_SECONDS: "1", ENDPOINT_REMOVAL_MAX_SECONDS: "15" });
    const { url } = service;
    const early = await TextClient.open(t, url);
    const kept = await RawConnection.open(t, url);
    assert.equal((await kept.request("GET", "/ready")).status, 200);
    service.signal("SIGTERM");
    await service.logged("graceful_shutdown_started");

    const late = await TextClient.open(t, url);
    const ready = await ask(t, url, "GET", "/ready");
    assert.equal(ready.status, 503);
    const { status, reason } = JSON.parse(ready.body);
    assert.deepEqual({ status, reason }, { status: "not_ready", reason: "shutting_down" });
    const health = await ask(t, url, "GET", "/health");
    assert.equal(health.status, 200);
    assert.equal(JSON.parse(health.body).status, "shutting_down");
    const posted = await kept.request("POST", "/items", { body: '"in the window"' });
    assert.equal(posted.status, 201);
    const got = await ask(t, url, "GET", "/items");
    assert.equal(got.status, 200);
    assert.match(got.body, /"data":"in the window"/);
    assert.match((await ask(t, url, "GET", "/metrics")).body, /^graceful_shutdown_in_progress 1$/m);
    for (const answer of [ready, health, posted, got]) assert.equal(answer.headers.get("connection"), "close");
    await kept.closed;
    await Promise.all([early, late].map((client) => client.text("in the window")));
    assert.equal(service.all("Phase window over").length, 0, "all of this was in the window");

    await Promise.all([early.closed, late.closed]);
    const end = await service.ended();
    for (const client of [early, late]) {
      assertFarewell(client, 3);
      assert.ok(client.texts.indexOf("in the window") < client.texts.indexOf("SHUTDOWN"), "nobody was told before");
    }
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), everybodyLeft(2));
  });

  test("it lasts until nobody new has come for a second", async (t) => {
    const service = await Service.start(t, { ENDPOINT_REMOVAL_SECONDS: "1.5", ENDPOINT_REMOVAL_MAX_SECONDS: "15" });
    service.signal("SIGTERM");
    await service.logged("graceful_shutdown_started");
    await setTimeout(1_000);
    const asked = performance.now();
    assert.equal((await ask(t, service.url, "GET", "/items")).status, 200);
    const over = await windowOf(service);
    assert.equal(over.outcome, "completed");
    assert.ok(performance.now() - asked > QUIET_MS - 2, "a second since the arrival");
    assertClean(await service.ended());
  });

  test("but not longer than its bound, however many come", async (t) => {
    const service = await Service.start(t, { ENDPOINT_REMOVAL_SECONDS: "0.5", ENDPOINT_REMOVAL_MAX_SECONDS: "2" });
    service.signal("SIGTERM");
    const over = windowOf(service);
    let last = 200;
    while (last === 200) {
      // Those who come after the window are refused, or find nobody.
      last = await ask(t, service.url, "GET", "/items").then(
        ({ status }) => status,
        () => 0,
      );
      await setTimeout(50);
    }
    assert.equal((await over).outcome, "expired");
    assertClean(await service.ended());
  });

  test("bare TCP probes, health, ready and metrics do not prolong it, nor requests on older connections", async (t) => {
    const service = await Service.start(t, { ENDPOINT_REMOVAL_SECONDS: "1.2", ENDPOINT_REMOVAL_MAX_SECONDS: "6" });
    const older = await Promise.all(Array.from({ length: 40 }, () => RawConnection.open(t, service.url)));
    for (const connection of older) assert.equal((await connection.request("GET", "/items")).status, 200);
    service.signal("SIGTERM");
    await service.logged("graceful_shutdown_started");
    while (service.all("Phase window over").length === 0) {
      const probe = await RawConnection.open(t, service.url).catch(() => undefined);
      probe?.socket.destroy();
      for (const path of ["/health", "/ready", "/metrics"]) {
        await ask(t, service.url, "GET", path).catch(() => {});
      }
      await older
        .pop()
        ?.request("GET", "/items")
        .catch(() => {});
      await setTimeout(100);
    }
    const over = await windowOf(service);
    assert.equal(over.outcome, "completed", "with each of them a new arrival, it would have lasted to its bound");
    assertClean(await service.ended());
  });

  test("a WebSocket on a connection that stood before is no arrival, but is served and drained", async (t) => {
    const service = await Service.start(t, {
      ENDPOINT_REMOVAL_SECONDS: "1",
      ENDPOINT_REMOVAL_MAX_SECONDS: "6",
      CLOSE_TIMEOUT_SECONDS: "0.5",
    });
    const older = await RawConnection.open(t, service.url);
    await older.request("GET", "/items");
    service.signal("SIGTERM");
    await service.logged("graceful_shutdown_started");
    assert.equal((await older.request("GET", "/ws", { headers: UPGRADE })).status, 101);
    const end = await service.ended();
    assertClean(end);
    assert.equal(end.receipt.clients.told, 1);
  });
});
