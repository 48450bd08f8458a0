import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RawConnection } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell, clientsOf, everybodyLeft } from "./farewell.js";

describe("SIGTERM: every client gets SHUTDOWN, the last items, CLOSE, 1012, and the process ends with 0", {
  timeout: 60_000,
}, () => {
  for (const { size, stagger } of [
    { size: 1, stagger: "0" },
    { size: 100, stagger: "0.5" },
  ]) {
    test(`${size} connected, spread over ${stagger} s`, async (t) => {
      const service = await Service.start(t, { DRAIN_STAGGER_SECONDS: stagger });
      const clients = await TextClient.crowd(t, service.url, size);
      await clients[0]?.text("Business data");
      service.signal("SIGTERM");
      await Promise.all(clients.map((client) => client.closed));
      const end = await service.ended();
      for (const client of clients) assertFarewell(client, 3);
      assertClean(end);
      assert.equal(end.receipt.finals, 3);
      assert.deepEqual(clientsOf(end.receipt), everybodyLeft(size));
      assert.ok(end.receipt.clients.items >= 3 * size);
    });
  }

  test("nobody connected", async (t) => {
    const service = await Service.start(t);
    service.signal("SIGTERM");
    const end = await service.ended();
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), everybodyLeft(0));
  });

  test("as many last items as the feed draws, between 1 and 10", async (t) => {
    const service = await Service.start(t, { FEED_FINAL_ITEMS: "random" });
    const client = await TextClient.open(t, service.url);
    service.signal("SIGTERM");
    await client.closed;
    const { receipt } = await service.ended();
    assert.ok(receipt.finals >= 1 && receipt.finals <= 10);
    assertFarewell(client, receipt.finals);
  });

  test("all clients see the same items in the same order", async (t) => {
    const service = await Service.start(t, { FEED_INTERVAL_SECONDS: "0.02" });
    const clients = await TextClient.crowd(t, service.url, 10);
    const publisher = await RawConnection.open(t, service.url);
    for (let n = 0; n < 20; n += 1) await publisher.request("POST", "/items", { body: JSON.stringify(`item ${n}`) });
    service.signal("SIGTERM");
    await Promise.all(clients.map((client) => client.closed));
    await service.exit;
    const [shared, ...others] = clients.map(({ texts }) => {
      const items = texts.filter((text) => text !== "SHUTDOWN");
      return items.slice(items.indexOf("item 0"));
    });
    assert.ok(shared !== undefined && shared.length >= 24);
    for (const items of others) assert.deepEqual(items, shared);
  });
});
