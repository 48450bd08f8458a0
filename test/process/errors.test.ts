import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Service, unruly } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertFarewell } from "./farewell.js";

/** P 1 s of W 1.5 s and Wmax 2.5 s: a SIGTERM would find 0.5 s and 1.5 s left. */
const WINDOW = {
  PRESTOP_SLEEP_SECONDS: "1",
  ENDPOINT_REMOVAL_SECONDS: "1.5",
  ENDPOINT_REMOVAL_MAX_SECONDS: "2.5",
};

// Windows of seconds, each of them waited for.
describe("errors that nobody caught", { timeout: 60_000, concurrency: true }, () => {
  for (const [mode, message] of [
    ["throw", "thrown by the test"],
    ["reject", "rejected by the test"],
  ] as const) {
    test(`${mode}: it drains as ever, with the whole window, and exits 1`, async (t) => {
      const service = await Service.start(t, WINDOW, { node: unruly() });
      const client = await TextClient.open(t, service.url);
      service.child.send(mode);
      const { plan, reason } = await service.logged("graceful_shutdown_started");
      assert.equal(reason, `uncaught error: ${message}`);
      assert.equal(plan?.windowMinMs, 1_500);
      assert.equal(plan?.parts.find(({ part }) => part === "window")?.ms, 2_500);
      assert.equal(plan?.totalMs, 51_000, "no preStop sleep has taken its second");
      await client.closed;
      assertFarewell(client, 3);
      const { code, receipt } = await service.ended();
      assert.equal(code, 1);
      assert.equal(receipt.outcome, "failed");
      assert.deepEqual(receipt.errors, [message]);
      const window = receipt.phases.find(({ phase }) => phase === "window");
      assert.equal(window?.outcome, "completed");
      assert.ok(window.ms >= 1_500);
    });
  }

  test("SIGTERM, for comparison: only what the preStop sleep has left of the window", async (t) => {
    const service = await Service.start(t, WINDOW);
    service.signal("SIGTERM");
    const { plan } = await service.logged("graceful_shutdown_started");
    assert.equal(plan?.windowMinMs, 500);
    assert.equal(plan?.parts.find(({ part }) => part === "window")?.ms, 1_500);
    assert.equal(plan?.totalMs, 50_000);
    assert.equal((await service.ended()).code, 0);
  });

  test("the first signal during that drain is recorded, and ends nothing; a later second one ends it", async (t) => {
    const service = await Service.start(
      t,
      { ENDPOINT_REMOVAL_SECONDS: "15", ENDPOINT_REMOVAL_MAX_SECONDS: "15" },
      { node: unruly() },
    );
    const client = await TextClient.open(t, service.url);
    service.child.send("throw");
    await service.logged("graceful_shutdown_started");
    service.signal("SIGTERM");
    await service.logged("Signal during the shutdown", ({ signal }) => signal === "SIGTERM");
    // It is served still.
    client.send("are you there?");
    await service.logged("Received message", ({ message }) => message === "are you there?");
    assert.deepEqual(client.farewell, []);
    await setTimeout(1_100);
    service.signal("SIGTERM");
    assert.deepEqual(await service.exit, { code: 1, signal: null });
    assert.equal(service.all("graceful_shutdown_completed").length, 0);
  });

  test("a signal during that drain does not change its exit code: the receipt comes, exit 1", async (t) => {
    const service = await Service.start(t, WINDOW, { node: unruly() });
    service.child.send("reject");
    await service.logged("graceful_shutdown_started");
    service.signal("SIGTERM");
    await service.logged("Signal during the shutdown");
    const { code, receipt } = await service.ended();
    assert.equal(code, 1);
    assert.deepEqual(receipt.errors, ["rejected by the test"]);
  });

  test("one during a drain is recorded, the drain goes on, exit 1", async (t) => {
    const service = await Service.start(t, WINDOW, { node: unruly() });
    const client = await TextClient.open(t, service.url);
    service.signal("SIGTERM");
    await service.logged("graceful_shutdown_started");
    service.child.send("throw");
    service.child.send("reject");
    await client.closed;
    assertFarewell(client, 3);
    const { code, receipt } = await service.ended();
    assert.equal(code, 1);
    assert.equal(receipt.outcome, "failed");
    assert.equal(receipt.reason, "SIGTERM");
    assert.deepEqual([...receipt.errors].sort(), ["rejected by the test", "thrown by the test"]);
    const told = service.all("Error during shutdown; the shutdown goes on").map(({ err }) => err?.message);
    assert.deepEqual(told.sort(), ["rejected by the test", "thrown by the test"]);
  });
});
