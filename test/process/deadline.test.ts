import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, RawConnection } from "../support/raw-socket.js";
import { Service, unruly } from "../support/service.js";
import { TextClient } from "../support/text-client.js";

describe("the deadline always wins, and what it cut is told", { timeout: 60_000 }, () => {
  test("a request that takes longer than its cap is cut: counted, exit 1", async (t) => {
    const service = await Service.start(t, { REQUESTS_TIMEOUT_SECONDS: "0.5" });
    const slow = await RawConnection.open(t, service.url);
    slow.send("GET", "/slow?seconds=50");
    // Answered on a connection made later: the slow request has been read by then.
    for (let n = 0; n < 2; n += 1) await ask(t, service.url, "GET", "/health");
    service.signal("SIGTERM");
    const { code, receipt } = await service.ended();
    await slow.closed;
    assert.equal(code, 1);
    assert.equal(receipt.outcome, "cut");
    assert.deepEqual(receipt.requests, { finished: 0, cut: 1 });
    assert.equal(receipt.deadlineReached, false);
    assert.equal(receipt.phases.find(({ phase }) => phase === "requests")?.outcome, "expired");
    assert.equal(receipt.phases.at(-2)?.phase, "release", "what comes after was still done");
  });

  test("a process that stood still beyond its whole budget ends at once: everybody counted as cut, exit 1", async (t) => {
    const service = await Service.start(
      t,
      {
        GRACEFUL_SHUTDOWN_TIMEOUT: "1.2",
        ENDPOINT_REMOVAL_SECONDS: "1",
        ENDPOINT_REMOVAL_MAX_SECONDS: "1",
        FINISH_TIMEOUT_SECONDS: "0.05",
        CLOSE_TIMEOUT_SECONDS: "0.05",
        REQUESTS_TIMEOUT_SECONDS: "0.05",
        RELEASE_TIMEOUT_SECONDS: "0.05",
      },
      { node: unruly() },
    );
    const clients = await TextClient.crowd(t, service.url, 10);
    service.signal("SIGTERM");
    await service.logged("graceful_shutdown_started");
    service.child.send(3_000);
    const { code, receipt } = await service.ended();
    await Promise.all(clients.map((client) => client.closed));
    assert.equal(code, 1);
    assert.equal(receipt.outcome, "cut");
    assert.equal(receipt.deadlineReached, true);
    assert.equal(receipt.budgetLeftMs, 0);
    assert.equal(receipt.clients.open, 0);
    assert.equal(receipt.phases.at(-1)?.outcome, "cut");
  });

  test("a process that stands still in the window and comes back in time loses nobody", async (t) => {
    const service = await Service.start(
      t,
      { ENDPOINT_REMOVAL_SECONDS: "1", ENDPOINT_REMOVAL_MAX_SECONDS: "2" },
      { node: unruly() },
    );
    const client = await TextClient.open(t, service.url);
    service.signal("SIGTERM");
    await service.logged("graceful_shutdown_started");
    service.child.send(1_500);
    await client.closed;
    const { code, receipt } = await service.ended();
    assert.equal(code, 0);
    assert.equal(receipt.clients.left, 1);
  });
});
