import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { deferred } from "../../src/base/deferred.js";
import { ManualClock } from "../support/manual-clock.js";
import { addressOf, altered, listen, memory, prepare, QUICK, refusedUpgrade } from "./kit.js";

async function answer(url: string): Promise<[number, unknown]> {
  const response = await fetch(url);
  return [response.status, await response.json()];
}

describe("probes", () => {
  test("before the port is open: healthy, not ready; what a host's tests inject is served all the same", async (t) => {
    const { app } = await prepare(t, { version: "1.2.3" });
    app.get("/own", () => ({ own: true }));
    const health = await app.inject("/health");
    assert.equal(health.statusCode, 200);
    assert.deepEqual(health.json(), { status: "healthy", version: "1.2.3" });
    const ready = await app.inject("/ready");
    assert.equal(ready.statusCode, 503);
    assert.deepEqual(ready.json(), { status: "not_ready", reason: "starting", checks: { journal: "not checked yet" } });
    assert.equal((await app.inject("/metrics")).statusCode, 200);
    assert.deepEqual((await app.inject("/own")).json(), { own: true });
    assert.equal((await app.inject("/items")).statusCode, 200);
  });

  test("ready and healthy once it serves; never to be kept by a cache", async (t) => {
    const { url } = await listen(t);
    assert.deepEqual(await answer(`${url}/ready`), [200, { status: "ready" }]);
    assert.deepEqual(await answer(`${url}/health`), [200, { status: "healthy", version: "unknown" }]);
    for (const path of ["/ready", "/health"]) {
      const response = await fetch(url + path, { method: "HEAD" });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("cache-control"), "no-store");
    }
  });

  test("with the port open but a dependency down: its name and fault, and nothing but probes is served", async (t) => {
    const fault = { message: "connection refused" as string | undefined };
    const check = async () => {
      if (fault.message !== undefined) throw new Error(fault.message);
    };
    const clock = new ManualClock();
    const { url, ws } = await listen(t, { journal: altered(memory(), { check }), clock });
    const lost = { status: "not_ready", reason: "dependencies_unavailable", checks: { journal: "connection refused" } };
    assert.deepEqual(await answer(`${url}/ready`), [503, lost]);
    assert.deepEqual(await answer(`${url}/health`), [200, { status: "healthy", version: "unknown" }]);
    for (const path of ["/items", "/ws", "/nothing"]) {
      const refused = await fetch(url + path);
      assert.equal(refused.status, 503, path);
      assert.equal(refused.headers.get("retry-after"), "1");
      const { code, message } = (await refused.json()) as { code: string; message: string };
      assert.deepEqual([code, typeof message], ["starting", "string"], path);
    }
    assert.equal((await refusedUpgrade(ws)).body.code, "starting");
    // It comes, and from then on there is the grace.
    fault.message = undefined;
    await clock.advance(2_000);
    assert.deepEqual(await answer(`${url}/ready`), [200, { status: "ready" }]);
    fault.message = "connection refused";
    await clock.advance(2_000);
    await clock.advance(14_999);
    assert.deepEqual(await answer(`${url}/ready`), [200, { status: "ready" }]);
    await clock.advance(1);
    assert.deepEqual(await answer(`${url}/ready`), [503, lost]);
    // Not ready is not down: whoever is here is still served.
    assert.equal((await fetch(`${url}/items`)).status, 200);
  });

  test("a check that hangs does not hold up the answer", async (t) => {
    const check = () => new Promise<void>(() => {});
    const clock = new ManualClock();
    const { app } = await prepare(t, { journal: altered(memory(), { check }), clock });
    const listening = app.listen({ port: 0, host: "127.0.0.1" });
    await once(app.server, "listening");
    const { url } = addressOf(app);
    const [status, body] = await answer(`${url}/ready`);
    assert.equal(status, 503);
    assert.equal((body as { status: string }).status, "not_ready");
    await clock.advance(2_000);
    await listening;
    const checks = { journal: "no answer within 2000 ms" };
    assert.deepEqual(await answer(`${url}/ready`), [
      503,
      { status: "not_ready", reason: "dependencies_unavailable", checks },
    ]);
  });

  test("from the signal on: not ready, healthy, everything served, `Connection: close`", async (t) => {
    const clock = new ManualClock();
    const budget = { ...QUICK, removalMs: 5_000, removalMaxMs: 10_000, timeoutMs: 60_000 };
    const { app, url } = await listen(t, { clock, budget });
    const drained = app.lastcall.drain.start({ type: "signal", signal: "SIGTERM" });
    const shuttingDown = { status: "not_ready", reason: "shutting_down", checks: { journal: "ok" } };
    assert.deepEqual(await answer(`${url}/ready`), [503, shuttingDown]);
    assert.deepEqual(await answer(`${url}/health`), [200, { status: "shutting_down", version: "unknown" }]);
    for (const path of ["/items", "/health", "/ready", "/metrics", "/nothing"]) {
      const response = await fetch(url + path);
      assert.equal(response.headers.get("connection"), "close", path);
      assert.notEqual(response.status, path === "/ready" ? 200 : 503, path);
    }
    await clock.advance(10_000);
    assert.equal((await drained).outcome, "clean");
  });

  test("unhealthy, with the reason, when the journal was closed under a stream; never during a drain", async (t) => {
    const journal = memory();
    const gate = deferred();
    const source = () => ({ finish: () => gate.promise.then(() => 0) });
    const { app, url, log } = await listen(t, { journal, source });
    await app.lastcall.streams.open("main");
    await journal.close();
    await log.line("The service can no longer do its work");
    const [status, body] = await answer(`${url}/health`);
    assert.equal(status, 503);
    const { status: word, reason } = body as { status: string; reason: string };
    assert.equal(word, "unhealthy");
    assert.match(reason, /stream main/);
    const drained = app.lastcall.drain.start({ type: "request" });
    assert.deepEqual(await answer(`${url}/health`), [200, { status: "shutting_down", version: "unknown" }]);
    gate.resolve();
    await drained;
  });
});
