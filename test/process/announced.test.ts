import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { ask, RawConnection, UPGRADE } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell } from "./farewell.js";

/** A service in its close phase, which a client that does not answer keeps open; older connections stand by. */
async function closing(t: TestContext, older: number) {
  const service = await Service.start(t, { CLOSE_TIMEOUT_SECONDS: "2.5" });
  const mute = await TextClient.open(t, service.url, "mute");
  const connections: RawConnection[] = [];
  for (let n = 0; n < older; n += 1) {
    const connection = await RawConnection.open(t, service.url);
    assert.equal((await connection.request("GET", "/items?limit=1")).status, 200);
    connections.push(connection);
  }
  service.signal("SIGTERM");
  await service.logged("Closing all clients: last items, CLOSE, close frame");
  await mute.text("CLOSE");
  const next = () => connections.pop() ?? assert.fail("no connection left");
  const still = () => assert.equal(service.all("Phase close over").length, 0, "all of this was in the close phase");
  return { service, mute, next, still };
}

describe("once all are told", { timeout: 60_000 }, () => {
  test("new connections are refused with 503 and Retry-After, probes are answered", async (t) => {
    const { service, still } = await closing(t, 0);
    for (const [method, path, headers] of [
      ["GET", "/items", {}],
      ["POST", "/items", {}],
      ["GET", "/slow", {}],
      ["GET", "/ws", UPGRADE],
    ] as const) {
      const refused = await ask(t, service.url, method, path, { headers, ...(method === "POST" && { body: "1" }) });
      assert.equal(refused.status, 503, path);
      assert.match(refused.headers.get("retry-after") ?? "", /^\d+$/);
      assert.equal(JSON.parse(refused.body).code, "shutting_down");
      assert.equal(refused.headers.get("connection"), "close");
    }
    assert.equal((await ask(t, service.url, "GET", "/health")).status, 200);
    assert.equal((await ask(t, service.url, "GET", "/ready")).status, 503);
    const metrics = await ask(t, service.url, "GET", "/metrics");
    assert.equal(metrics.status, 200);
    assert.match(metrics.body, /^lastcall_connections_total\{phase="close",result="refused"\} 1$/m);
    still();
    assertClean(await service.ended());
  });

  test("requests on older connections are served, and what they publish is in the journal", async (t) => {
    const { service, next, still } = await closing(t, 2);
    const published = await next().request("POST", "/items", { body: '"at the last minute"' });
    assert.equal(published.status, 201);
    assert.equal(published.headers.get("connection"), "close");
    const { id } = JSON.parse(published.body);
    const read = await next().request("GET", "/items?limit=1000");
    assert.equal(read.status, 200);
    assert.equal(read.headers.get("connection"), "close");
    assert.deepEqual(
      JSON.parse(read.body).items.filter((item: { data: string }) => item.data === "at the last minute")[0].id,
      id,
    );
    still();
    const end = await service.ended();
    assertClean(end);
    assert.equal(end.receipt.requests.finished, 2);
    assert.equal(end.receipt.publishes.cut, 0);
  });

  test("what a text client sends in its last moments is published (TEXT_PUBLISH)", async (t) => {
    const service = await Service.start(t, { TEXT_PUBLISH: "true", DRAIN_STAGGER_SECONDS: "2" });
    const reader = await RawConnection.open(t, service.url);
    await reader.request("GET", "/items?limit=1");
    const clients = await TextClient.crowd(t, service.url, 20);
    service.signal("SIGTERM");
    await service.logged("Closing all clients: last items, CLOSE, close frame");
    const writer = clients.findLast(({ farewell }) => !farewell.includes("CLOSE")) ?? assert.fail("all closed");
    await writer.text("SHUTDOWN");
    writer.send("one more thing");
    await service.logged("Received message", ({ message }) => message === "one more thing");
    assert.match((await reader.request("GET", "/items?limit=1000")).body, /"data":"one more thing"/);
    await Promise.all(clients.map((client) => client.closed));
    assertClean(await service.ended());
    for (const client of clients) assertFarewell(client, 3);
  });

  test("an upgrade that arrives mid-close, also on an older connection, is refused and holds nobody up", async (t) => {
    const { service, mute, next, still } = await closing(t, 1);
    const refused = await next().request("GET", "/ws", { headers: UPGRADE });
    assert.equal(refused.status, 503);
    assert.equal(JSON.parse(refused.body).code, "shutting_down");
    // And one that never gets to its end.
    const half = await RawConnection.open(t, service.url);
    half.socket.write("GET /ws HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\n");
    still();
    await mute.closed;
    const end = await service.ended();
    assertClean(end);
    assert.equal(end.receipt.clients.told, 1);
    const requests = end.receipt.phases.find(({ phase }) => phase === "requests");
    assert.equal(requests?.outcome, "completed");
  });
});
