import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificate } from "../support/certificate.js";
import { ask } from "../support/raw-socket.js";
import { DURABLE, freePort, RedisServer } from "../support/redis.js";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean } from "./farewell.js";

async function redis(t: TestContext, args: readonly string[] = DURABLE): Promise<RedisServer> {
  const server = await RedisServer.start(args);
  t.after(() => server.remove());
  return server;
}

const QUIET = { FEED_INTERVAL_SECONDS: "0" };

async function publish(t: TestContext, service: Service, data: string, key: string) {
  const headers = { "content-type": "application/json", "idempotency-key": key };
  return ask(t, service.url, "POST", "/items", { headers, body: data });
}

async function readiness(t: TestContext, service: Service) {
  const { status, body } = await ask(t, service.url, "GET", "/ready");
  return { httpStatus: status, ...JSON.parse(body) };
}

describe("a service whose journal is in Redis", { timeout: 60_000 }, () => {
  test("is one service in two processes", async (t) => {
    const { url: JOURNAL_URL } = await redis(t);
    const services = [
      await Service.start(t, { ...QUIET, JOURNAL_URL }),
      await Service.start(t, { ...QUIET, JOURNAL_URL }),
    ] as const;
    const clients = [await TextClient.open(t, services[0].url), await TextClient.open(t, services[1].url)];
    const answers = [await publish(t, services[0], '"one"', "k1"), await publish(t, services[1], '"two"', "k2")];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201],
    );
    const again = await publish(t, services[1], '"one"', "k1");
    assert.deepEqual([again.status, again.body], [200, answers[0]?.body]);
    for (const client of clients) {
      await client.text("two");
      assert.deepEqual(client.texts, ["one", "two"]);
    }
    for (const service of services) {
      service.signal("SIGTERM");
      assertClean(await service.ended());
    }
    for (const client of clients) await client.closed;
  });

  test("starts without it, and is ready when it is there", async (t) => {
    const server = await redis(t);
    await server.stop();
    const service = await Service.start(t, { ...QUIET, JOURNAL_URL: `redis://:hunter2@127.0.0.1:${server.port}` });
    const state = await readiness(t, service);
    assert.deepEqual([state.httpStatus, state.reason], [503, "dependencies_unavailable"]);
    assert.match(state.checks.journal, /ECONNREFUSED/);
    await server.start();
    await service.logged("Dependency checked", ({ level }) => level === "info");
    assert.equal((await readiness(t, service)).httpStatus, 200);
    assert.equal((await publish(t, service, "1", "k")).status, 201);
    assert.doesNotMatch(service.lines.join(), /hunter2/);
  });

  test("keeps its clients while it is away, refuses with a code, and goes on where it was", async (t) => {
    const server = await redis(t);
    const service = await Service.start(t, { ...QUIET, JOURNAL_URL: server.url, DEPENDENCY_GRACE_SECONDS: "0.1" });
    const client = await TextClient.open(t, service.url);
    assert.equal((await publish(t, service, '"before"', "k1")).status, 201);
    await client.text("before");
    await server.kill();
    const refused = await publish(t, service, '"after"', "k2");
    assert.deepEqual([refused.status, JSON.parse(refused.body).code], [503, "journal_unavailable"]);
    while ((await readiness(t, service)).reason !== "dependencies_unavailable") await sleep(50);
    await server.start();
    while ((await publish(t, service, '"after"', "k2")).status === 503) await sleep(50);
    await client.text("after");
    assert.deepEqual(client.texts, ["before", "after"]);
    while ((await readiness(t, service)).httpStatus !== 200) await sleep(50);
    service.signal("SIGTERM");
    assertClean(await service.ended());
  });

  test("speaks TLS, and believes only who is vouched for", async (t) => {
    const { certFile, keyFile } = await makeCertificate(t, "redis");
    const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no"];
    const port = `${await freePort()}`;
    await redis(t, [...files, "--tls-port", port]);
    const JOURNAL_URL = `rediss://127.0.0.1:${port}`;
    const stranger = await Service.start(t, { ...QUIET, JOURNAL_URL });
    assert.match((await readiness(t, stranger)).checks.journal, /self-signed certificate/);
    const service = await Service.start(t, { ...QUIET, JOURNAL_URL, NODE_EXTRA_CA_CERTS: certFile });
    assert.equal((await publish(t, service, "1", "k")).status, 201);
  });
});
