import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { NO_PROMETHEUS, Prometheus, SCRAPE } from "../support/prometheus.js";
import { type Env, Service } from "../support/service.js";
import { assertClean } from "./farewell.js";

const LINGER = { GRACEFUL_SHUTDOWN_TIMEOUT: "120", METRICS_LINGER_SECONDS: "60" };

/** The last that was heard of each process's drains: how many ended, and how long it took. */
const DRAINS = "sum by (instance) (last_over_time(graceful_shutdown_duration_seconds_count[1h]))";
const SECONDS = "sum by (instance) (last_over_time(graceful_shutdown_duration_seconds_sum[1h]))";

function several(t: TestContext, count: number, env: Env): Promise<readonly Service[]> {
  return Promise.all(Array.from({ length: count }, () => Service.start(t, env)));
}

/** Something to be scraped that keeps what it was asked with. */
async function witness(t: TestContext) {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer(({ headers }, response) => {
    asked.push(headers);
    response.setHeader("content-type", "text/plain; version=0.0.4").setHeader("connection", "close").end("x 1\n");
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  return { asked, target: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const targetOf = ({ url }: Service) => url.host.replace("localhost", "127.0.0.1");

describe("a real Prometheus", { timeout: 120_000, skip: NO_PROMETHEUS }, () => {
  test("keeps the figures of every drain that lingers, on the admin port too; without, they are lost", async (t) => {
    const lingering = await several(t, 5, LINGER);
    const admin = await Service.start(t, { ...LINGER, ADMIN_PORT: "0" });
    const hasty = await several(t, 5, { METRICS_LINGER_SECONDS: "0" });
    const { asked, target } = await witness(t);
    const kept = [...lingering.map(targetOf), admin.adminUrl.host];
    const lost = hasty.map(targetOf);
    const prometheus = await Prometheus.start(t, [...kept, ...lost, target]);
    await prometheus.until("up == 1", 12);
    const known = await prometheus.query(DRAINS);
    assert.deepEqual(
      known.map(({ value }) => value),
      Array(11).fill(0),
      "it knows them all, and of no drain",
    );

    for (const service of [...lingering, admin, ...hasty]) service.signal("SIGTERM");
    const ends = await Promise.all([...lingering, admin, ...hasty].map((service) => service.ended()));
    for (const end of ends) assertClean(end);
    const lingers = ends.map(({ receipt }) => receipt.phases.at(-1)?.outcome);
    assert.deepEqual(lingers, [...Array(6).fill("completed"), ...Array(5).fill("skipped")]);

    // When it misses them it has what they said before.
    await prometheus.until("up == 0", 11);
    const drains = new Map((await prometheus.query(DRAINS)).map(({ labels, value }) => [labels["instance"], value]));
    assert.deepEqual(
      kept.map((instance) => drains.get(instance)),
      Array(6).fill(1),
      "six drains, six samples",
    );
    // One of them may be scraped by chance in the moment between the end of its drain and its own.
    const missing = lost.filter((instance) => drains.get(instance) === 0);
    t.diagnostic(`without linger ${missing.length} of 5 are lost`);
    assert.ok(missing.length > 0, "nothing was lost without linger: this shows nothing");
    for (const { labels, value } of await prometheus.query(SECONDS)) {
      const receipt = ends[kept.indexOf(labels["instance"] ?? "")]?.receipt;
      if (receipt === undefined) continue;
      // The phases before the linger, and nothing of it; each number of the receipt is rounded.
      const ms = receipt.phases.map((phase) => phase.ms);
      const least = ms.slice(0, -1).reduce((sum, phase) => sum + phase, 0) - 1;
      const most = receipt.durationMs - (ms.at(-1) ?? 0) + 1;
      assert.ok(value * 1000 >= least && value * 1000 <= most, `${value} s, not the receipt's ${least} to ${most} ms`);
    }

    const [{ accept, "accept-encoding": encoding, ...headers } = {}] = asked;
    assert.ok(Number(headers[Object.keys(SCRAPE)[0] ?? ""]) > 0, "the header that a scrape is known by");
    assert.match(accept ?? "", /text\/plain;version=0\.0\.4/);
    assert.equal(encoding, "gzip");
  });

  test("two of them both have the figures, where two scrapes are waited for", async (t) => {
    const services = await several(t, 3, { ...LINGER, METRICS_LINGER_SCRAPES: "2" });
    const targets = services.map(targetOf);
    // Both take their turn at the same moment of each interval.
    const both = await Promise.all([1, 2].map(() => Prometheus.start(t, targets, 2)));
    await Promise.all(both.map((prometheus) => prometheus.until("up == 1", 3)));
    for (const service of services) service.signal("SIGTERM");
    for (const end of await Promise.all(services.map((service) => service.ended()))) {
      assertClean(end);
      assert.equal(end.receipt.phases.at(-1)?.outcome, "completed");
    }
    for (const prometheus of both) {
      await prometheus.until("up == 0", 3);
      assert.deepEqual(
        (await prometheus.query(DRAINS)).map(({ value }) => value),
        [1, 1, 1],
      );
    }
  });
});
