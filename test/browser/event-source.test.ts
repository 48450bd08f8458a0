import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { publishNumbers } from "../support/numbers.js";
import { ask } from "../support/raw-socket.js";
import { noBrowser, openBrowser } from "./chromium.js";
import { assertAllNumbers, openPair } from "./kit.js";
import { TestPage } from "./test-page.js";

/** `EventSource.readyState` */
const CONNECTING = 0;
const OPEN = 1;

/** How many times the page's EventSource lost its connection, or found nobody. */
function failures({ events }: TestPage) {
  return events.filter(({ name }) => name === "error");
}

describe("the browser's own EventSource", { skip: noBrowser, timeout: 120_000 }, () => {
  test("gets the items, and goes on with the next pod where the last one ended", async (t) => {
    const { a, b, proxy } = await openPair(t, {});
    const publisher = await publishNumbers(t, b.url);
    const page = await TestPage.open(t, await openBrowser(t), proxy.url, "way=sse");
    await page.item(50);
    proxy.target = b.url;
    a.signal("SIGTERM");
    const { code, receipt } = await a.ended();
    assert.equal(code, 0);
    assert.equal(receipt.clients.cut, 0);
    const { last } = publisher;
    await page.item(last + 50);
    await page.item(await publisher.stop());
    assertAllNumbers(page, publisher.last);
    const told = page.events.map(({ name, readyState }) => ({ name, readyState }));
    assert.deepEqual(told, [
      { name: "open", readyState: OPEN },
      { name: "shutdown", readyState: OPEN },
      { name: "close", readyState: OPEN },
      { name: "error", readyState: CONNECTING },
      { name: "open", readyState: OPEN },
    ]);
    const close: unknown = JSON.parse(page.events[2]?.data ?? "");
    assert.ok(typeof close === "object" && close !== null && "cursor" in close);
    assert.ok(page.items.some(({ id }) => id === close.cursor));
  });

  test("that comes to a pod that drains comes again until it finds another", async (t) => {
    // The old pod is still there when it is done with its clients: its last figures have not been fetched.
    const { a, b, proxy } = await openPair(t, { METRICS_LINGER_SECONDS: "30", GRACEFUL_SHUTDOWN_TIMEOUT: "60" });
    const publisher = await publishNumbers(t, b.url);
    const page = await TestPage.open(t, await openBrowser(t), proxy.url, "way=sse");
    await page.item(50);
    a.signal("SIGTERM");
    // The end of its connection; then three times an empty answer, each of them with a time to come back.
    await page.until(() => failures(page)[3]);
    const { last } = publisher;
    assert.ok(!page.items.some(({ data }) => data === last), "nobody has served it");
    const refused = (await ask(t, a.url, "GET", "/metrics")).body
      .split("\n")
      .filter((line) => /^lastcall_connections_total\{.*result="refused"/.test(line) && !line.endsWith(" 0"));
    assert.equal(refused.length, 1, refused.join("\n"));

    proxy.target = b.url;
    await page.item(last + 50);
    await page.item(await publisher.stop());
    assertAllNumbers(page, publisher.last);
    assert.ok(
      failures(page).every(({ readyState }) => readyState === CONNECTING),
      "it never gave up",
    );
    await ask(t, a.url, "GET", "/metrics", { headers: { "x-prometheus-scrape-timeout-seconds": "10" } });
    assert.equal((await a.ended()).code, 0);
  });
});
