import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FreezingProxy } from "../support/freezing-proxy.js";
import { publishNumbers } from "../support/numbers.js";
import { ask } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { noBrowser, openBrowser } from "./chromium.js";
import { assertAllNumbers, openPair } from "./kit.js";
import { TestPage } from "./test-page.js";

describe("lastcall/client in a browser", { skip: noBrowser, timeout: 120_000 }, () => {
  test("items arrive in order, and what the page publishes is acknowledged with its id", async (t) => {
    const service = await Service.start(t, { FEED_INTERVAL_SECONDS: "0" });
    const page = await TestPage.open(t, await openBrowser(t), service.url, "way=ws");
    await page.status("open");
    const publisher = await publishNumbers(t, service.url);
    await page.item(100);
    const last = await publisher.stop();
    await page.item(last);
    assertAllNumbers(page, last);

    const data = { from: "the page", ünï: ["码", 1.5, null] };
    const id = await page.publish(data);
    const item = await page.until(() => page.items[last]);
    assert.deepEqual(item, { type: "item", id, data });
    const { body } = await ask(t, service.url, "GET", `/items?after=${page.items[last - 1]?.id}`);
    assert.deepEqual(
      JSON.parse(body).items.map((kept: { readonly id: string }) => kept.id),
      [id],
    );
  });

  test("a drain hands it over: it leaves the old pod when it has the new one", async (t) => {
    const { a, b, proxy } = await openPair(t, { DRAIN_STAGGER_SECONDS: "1" });
    const publisher = await publishNumbers(t, b.url);
    const page = await TestPage.open(t, await openBrowser(t), proxy.url, "way=ws");
    await page.item(50);
    proxy.target = b.url;
    a.signal("SIGTERM");
    await page.status("open", ({ server }) => server === "b");
    const { code, receipt } = await a.ended();
    const at = publisher.last;
    await page.item(at + 50);
    await page.item(await publisher.stop());
    assertAllNumbers(page, publisher.last);
    // Nothing in between: no moment without a connection.
    const seen = page.statuses.map((status) => ("server" in status ? `${status.type} ${status.server}` : status.type));
    assert.deepEqual(seen, ["connecting", "open a", "handing_over a", "open b"]);
    assert.equal(code, 0);
    const { told, left, handedOver, gone } = receipt.clients;
    assert.deepEqual({ told, left, handedOver, gone }, { told: 1, left: 1, handedOver: 0, gone: 0 });
  });

  test("without a network it notices soon, and goes on as soon as the browser is online again", async (t) => {
    // The browser's own offline mode tells the page, lets nothing through on a WebSocket that stands, and refuses new ones
    // (Chromium 156; an EventSource that stands goes on). What it does not do is to keep the server from noticing: that
    // the network is gone for both sides, without a FIN, is the proxy's doing.
    const service = await Service.start(t, { FEED_INTERVAL_SECONDS: "0", HEARTBEAT_SECONDS: "60" });
    const proxy = await FreezingProxy.open(t, service.url);
    const publisher = await publishNumbers(t, service.url);
    const browser = await openBrowser(t);
    // Left to itself, it would wait for five minutes.
    const page = await TestPage.open(t, browser, proxy.url, `way=ws&backoffMs=600000`);
    await page.item(50);
    proxy.freeze();
    await browser.setOffline(true);
    await page.told("offline");
    const { message } = await page.status("waiting", ({ reason }) => reason === "silent");
    // It asked, when it was told; heartbeats alone would have taken two minutes.
    assert.equal(message, "nothing heard for 4 seconds");
    const given = page.items.length;
    const { retryInMs } = await page.status("waiting", (status) => status.retryInMs > 60_000);
    assert.equal(retryInMs, 300_000);
    const { last } = publisher;
    assert.ok(last > given, "it misses something");

    proxy.thaw();
    await browser.setOffline(false);
    await page.told("online");
    await page.item(last + 50);
    await page.item(await publisher.stop());
    assertAllNumbers(page, publisher.last);
  });

  test("a hidden tab goes on; when it is shown again, it notices at once that its connection is lost", async (t) => {
    const service = await Service.start(t, { FEED_INTERVAL_SECONDS: "0", HEARTBEAT_SECONDS: "60" });
    const proxy = await FreezingProxy.open(t, service.url);
    const publisher = await publishNumbers(t, service.url);
    const browser = await openBrowser(t);
    const page = await TestPage.open(t, browser, proxy.url, "way=ws");
    await page.item(50);
    const other = await browser.newPage();
    await other.bringToFront();
    await page.told("hidden");
    await page.item(publisher.last + 50);

    // What stands is lost without a word; whoever comes now is served.
    proxy.freeze({ newcomers: true });
    const { last } = publisher;
    const connections = proxy.accepted;
    await page.tab.bringToFront();
    await page.told("visible");
    const { reason, message } = await page.status("waiting");
    assert.deepEqual({ reason, message }, { reason: "silent", message: "nothing heard for 4 seconds" });
    await page.item(last + 50);
    assert.equal(proxy.accepted, connections + 1);
    await page.item(await publisher.stop());
    assertAllNumbers(page, publisher.last);
  });

  test("a tab that the browser has frozen sleeps through a whole restart, and misses nothing", async (t) => {
    const { a, b, proxy } = await openPair(t, { DRAIN_STAGGER_SECONDS: "0.5", CLOSE_TIMEOUT_SECONDS: "1" });
    const publisher = await publishNumbers(t, b.url);
    const browser = await openBrowser(t);
    const page = await TestPage.open(t, browser, proxy.url, "way=ws");
    await page.item(50);
    const other = await browser.newPage();
    await other.bringToFront();
    await page.told("hidden");
    await page.freeze(true);
    await page.told("freeze");
    proxy.target = b.url;
    a.signal("SIGTERM");
    const { code, receipt } = await a.ended();
    assert.equal(code, 0);
    assert.equal(receipt.clients.cut, 0);
    const { last } = publisher;
    assert.ok(!page.items.some(({ data }) => data === last), "it slept");

    await page.freeze(false);
    await page.tab.bringToFront();
    await page.told("resume");
    await page.status("open", ({ server }) => server === "b");
    await page.item(last + 50);
    await page.item(await publisher.stop());
    assertAllNumbers(page, publisher.last);
  });
});
