import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Service, unruly } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell, clientsOf, everybodyLeft } from "./farewell.js";

describe("signals", { timeout: 60_000 }, () => {
  test("SIGTERM as soon as somebody listens for it, before anything else is loaded: exit 0, no window", async (t) => {
    // It comes on the tick after the first SIGTERM listener was added. Before that moment Node's own default holds, which
    // no program can change.
    const window = { ENDPOINT_REMOVAL_SECONDS: "15", ENDPOINT_REMOVAL_MAX_SECONDS: "15" };
    const service = Service.launch(t, window, { node: unruly("early") });
    assert.deepEqual(await service.exit, { code: 0, signal: null });
    assert.equal(service.all("graceful_shutdown_started").length, 0);
    assert.equal(service.stderr, "");
  });

  test("SIGTERM while it starts, before it was ever ready: exit 0, nothing to drain", async (t) => {
    const service = Service.launch(t, {}, { node: unruly("deaf") });
    await once(service.child, "message");
    service.signal("SIGTERM");
    assert.deepEqual(await service.exit, { code: 0, signal: null });
    assert.equal(service.all("graceful_shutdown_started").length, 0);
    assert.equal(service.log.at(-1)?.msg, "Ended before it was ready: nothing to drain");
  });

  for (const mode of ["throw", "reject"]) {
    test(`an uncaught error (${mode}) before it was ever ready: told, and exit 1`, async (t) => {
      const service = Service.launch(t, {}, { node: unruly("deaf") });
      await once(service.child, "message");
      service.child.send(mode);
      assert.deepEqual(await service.exit, { code: 1, signal: null });
      assert.match([...service.lines, service.stderr].join("\n"), /(thrown|rejected) by the test/);
    });
  }

  test("a second SIGTERM, more than a second after the first: exit 1 at once, and the log says why", async (t) => {
    const service = await Service.start(t, { ENDPOINT_REMOVAL_SECONDS: "15", ENDPOINT_REMOVAL_MAX_SECONDS: "15" });
    service.signal("SIGTERM");
    await service.logged("graceful_shutdown_started");
    await setTimeout(1_100);
    service.signal("SIGTERM");
    assert.deepEqual(await service.exit, { code: 1, signal: null });
    assert.equal(service.all("graceful_shutdown_completed").length, 0);
    assert.equal(service.log.at(-1)?.msg, "Second signal: the process ends at once");
    assert.equal(service.log.at(-1)?.signal, "SIGTERM");
  });

  test("two SIGINTs within a second are one: it drains, without a window, and exits 0", async (t) => {
    const service = await Service.start(t, {
      CLOSE_TIMEOUT_SECONDS: "1",
      ENDPOINT_REMOVAL_SECONDS: "15",
      ENDPOINT_REMOVAL_MAX_SECONDS: "15",
    });
    const [mute, client] = [await TextClient.open(t, service.url, "mute"), await TextClient.open(t, service.url)];
    service.signal("SIGINT");
    await service.logged("graceful_shutdown_started");
    service.signal("SIGINT");
    await Promise.all([mute.closed, client.closed]);
    const end = await service.ended();
    assertClean(end);
    for (const each of [mute, client]) assertFarewell(each, 3);
    assert.equal(end.receipt.reason, "SIGINT");
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(1), told: 2, flushed: 2, unanswered: 1 });
    assert.equal(end.receipt.phases.find(({ phase }) => phase === "window")?.outcome, "skipped");
  });
});
