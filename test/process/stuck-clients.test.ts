import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RawConnection } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell, clientsOf, everybodyLeft } from "./farewell.js";

/** More than the kernel keeps for a connection whose peer does not read (tcp_wmem and tcp_rmem, 4 + 6 MB by default). */
const ITEM_BYTES = 1_000_000;
const ITEMS = 24;

describe("a client that does not do its part is ended at its cap, counted, and delays nobody", {
  timeout: 60_000,
}, () => {
  test("one that never reads is cut: exit 1", async (t) => {
    const service = await Service.start(t, {
      CLOSE_TIMEOUT_SECONDS: "1",
      MAX_ITEM_BYTES: "2000000",
      FEED_INTERVAL_SECONDS: "60",
    });
    const stuck = await TextClient.open(t, service.url);
    stuck.pause();
    const others = await TextClient.crowd(t, service.url, 20);
    const publisher = await RawConnection.open(t, service.url);
    const body = JSON.stringify("x".repeat(ITEM_BYTES));
    for (let n = 0; n < ITEMS; n += 1) {
      assert.equal((await publisher.request("POST", "/items", { body })).status, 201);
    }
    service.signal("SIGTERM");
    await Promise.all(others.map((client) => client.closed));
    const { code, receipt } = await service.ended();
    for (const client of others) {
      assert.equal(client.texts.filter((text) => text.length === ITEM_BYTES).length, ITEMS);
      assertFarewell(client, 3);
    }
    assert.equal(code, 1);
    assert.equal(receipt.outcome, "cut");
    assert.equal(receipt.deadlineReached, false);
    assert.deepEqual(clientsOf(receipt), { ...everybodyLeft(20), told: 21, cut: 1 });
    // Those who leave as planned are told of in the receipt only.
    const ended = service.all("Client disconnected").map(({ fate, clients }) => ({ fate, clients }));
    assert.deepEqual(ended, [{ fate: "cut", clients: 0 }], "everybody else was gone before");
  });

  test("those who never answer the close are unanswered: they had everything, so exit 0", async (t) => {
    const service = await Service.start(t, { CLOSE_TIMEOUT_SECONDS: "1" });
    const mute = await TextClient.crowd(t, service.url, 150, "mute");
    const others = await TextClient.crowd(t, service.url, 20);
    service.signal("SIGTERM");
    await Promise.all([...mute, ...others].map((client) => client.closed));
    const end = await service.ended();
    for (const client of [...mute, ...others]) assertFarewell(client, 3);
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(20), told: 170, flushed: 170, unanswered: 150 });
    const ended = service.all("Client disconnected").map(({ fate, clients }) => ({ fate, clients }));
    const expected = Array.from({ length: 150 }, (_, i) => ({ fate: "unanswered", clients: 149 - i }));
    assert.deepEqual(ended, expected, "everybody else was gone before");
  });

  test("one that drops the connection at CLOSE, without an answer, has left", async (t) => {
    const service = await Service.start(t, { CLOSE_TIMEOUT_SECONDS: "20" });
    const dropper = await TextClient.open(t, service.url, "drop");
    const other = await TextClient.open(t, service.url);
    service.signal("SIGTERM");
    await Promise.all([dropper.closed, other.closed]);
    const end = await service.ended();
    assert.equal(dropper.farewell.at(-1), "CLOSE");
    assertFarewell(other, 3);
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(2), echoed: 1 });
    const close = end.receipt.phases.find(({ phase }) => phase === "close");
    assert.equal(close?.outcome, "completed", "nobody waited for an answer that could not come");
  });

  test("one that goes after SHUTDOWN, before it was told all, is gone: its own will, so exit 0", async (t) => {
    const service = await Service.start(t, { DRAIN_STAGGER_SECONDS: "1.5" });
    const clients = await TextClient.crowd(t, service.url, 20);
    service.signal("SIGTERM");
    await service.logged("Closing all clients: last items, CLOSE, close frame");
    // In the second half of the slots: told SHUTDOWN, and their turn has not come.
    const waiting = clients.filter(({ farewell }) => !farewell.includes("CLOSE"));
    const leaver = waiting.at(-1) ?? assert.fail("everybody was closed already");
    await leaver.text("SHUTDOWN");
    leaver.destroy();
    const end = await service.ended();
    assertClean(end);
    const { gone, left, told } = clientsOf(end.receipt);
    assert.deepEqual({ gone, left, told }, { gone: 1, left: 19, told: 20 });
  });
});
