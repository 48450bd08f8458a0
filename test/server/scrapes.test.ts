import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { Gauge } from "prom-client";
import { deferred } from "../../src/base/deferred.js";
import type { LastcallOptions } from "../../src/fastify.js";
import { type Host, listen, QUICK } from "./kit.js";

/** What Prometheus sends with every scrape, and nobody else does. */
const SCRAPE = { "x-prometheus-scrape-timeout-seconds": "10" };

const LINGERING = { ...QUICK, timeoutMs: 90_000, lingerMs: 60_000 };
const CLEAN = /^graceful_shutdown_total\{outcome="clean"\} 1$/m;

async function scrape({ url }: Host, method = "GET"): Promise<string> {
  const response = await fetch(`${url}/metrics`, { method, headers: { ...SCRAPE, connection: "close" } });
  assert.equal(response.status, 200);
  return await response.text();
}

/** A server that waits for its figures to be scraped. */
async function lingering(t: TestContext, options: Partial<LastcallOptions> = {}) {
  const host = await listen(t, { budget: LINGERING, ...options });
  const { drain } = host.app.lastcall;
  const drained = drain.start({ type: "request" });
  await host.log.line("Waiting for the figures to be scraped");
  return { host, drain, drained };
}

const lingerOf = ({ phases }: { readonly phases: readonly { readonly outcome: string }[] }) => phases.at(-1)?.outcome;

/** Whether the response to whatever comes next was sent whole; settles when it is over. */
async function nextSent({ app }: Host): Promise<boolean> {
  const [, response] = (await once(app.server, "request")) as [IncomingMessage, ServerResponse];
  let sent = false;
  response.once("finish", () => {
    sent = true;
  });
  await once(response, "close");
  return sent;
}

describe("what counts as a scrape of the final figures", { timeout: 60_000 }, () => {
  test("as many as are asked for, and no more", async (t) => {
    const { host, drain, drained } = await lingering(t, { lingerScrapes: 3 });
    for (let n = 1; n <= 3; n += 1) {
      assert.equal(drain.stage, "linger", `before scrape ${n}`);
      assert.match(await scrape(host), CLEAN);
    }
    assert.equal(lingerOf(await drained), "completed");
  });

  test("an answer that was begun before they were final does not, however late it is sent", async (t) => {
    const last = deferred();
    const collected = deferred();
    const source = () => ({ finish: () => last.promise.then(() => 0) });
    const host = await listen(t, { budget: LINGERING, source });
    const { drain, metrics } = host.app.lastcall;
    const asked = deferred();
    // The first figure to be read is the drains' own; this one is read behind them, and holds their answer up.
    new Gauge({
      name: "lastcall_test_slow",
      help: "Slow.",
      registers: [metrics.registry],
      async collect() {
        asked.resolve();
        await collected.promise;
      },
    });
    const drained = drain.start({ type: "request" });
    const early = scrape(host);
    await asked.promise;
    last.resolve();
    await host.log.line("Waiting for the figures to be scraped");
    collected.resolve();
    assert.doesNotMatch(await early, CLEAN);
    assert.equal(drain.stage, "linger");
    metrics.registry.removeSingleMetric("lastcall_test_slow");
    assert.match(await scrape(host), CLEAN);
    assert.equal(lingerOf(await drained), "completed");
  });

  test("HEAD has seen no figures", async (t) => {
    const { host, drain, drained } = await lingering(t);
    assert.equal(await scrape(host, "HEAD"), "");
    assert.equal(drain.stage, "linger");
    await scrape(host);
    assert.equal(lingerOf(await drained), "completed");
  });

  test("a scraper that gave up before it was answered has seen nothing", async (t) => {
    const { host, drain, drained } = await lingering(t);
    const [[name, value] = []] = Object.entries(SCRAPE);
    const over = nextSent(host);
    const socket = connect(host.port, "127.0.0.1").on("error", () => {});
    t.after(() => socket.destroy());
    await once(socket, "connect");
    socket.write(`GET /metrics HTTP/1.1\r\nhost: test\r\n${name}: ${value}\r\n\r\n`);
    // The server, in this very process, has read nothing yet, and finds both.
    socket.destroy();
    assert.equal(await over, false);
    assert.equal(drain.stage, "linger");
    await scrape(host);
    assert.equal(lingerOf(await drained), "completed");
  });
});
