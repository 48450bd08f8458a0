import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { addressOf, post, rawConnection } from "../server/kit.js";
import { TextClient } from "../server/text-client.js";
import { build, start } from "./service.js";

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly allowed?: readonly string[];
}

describe("the service", () => {
  test("serves its routes, and says its version", async (t) => {
    const { url, ws } = await start(t);
    const client = await TextClient.connect(t, ws);
    await post(url, `"hello"`);
    assert.deepEqual(await client.atLeast(1), ["hello"]);
    assert.deepEqual(await (await fetch(`${url}/health`)).json(), { status: "healthy", version: "1.2.3" });
    assert.deepEqual(await (await fetch(`${url}/ready`)).json(), { status: "ready" });
    assert.match(
      await (await fetch(`${url}/metrics`)).text(),
      /^lastcall_build_info\{version="1\.2\.3",revision="abc"\} 1$/m,
    );
  });

  test("hands every setting on to where it works", async (t) => {
    const { service } = await build(t, {
      PING_INTERVAL_SECONDS: "7",
      HEARTBEAT_SECONDS: "6",
      DEPENDENCY_GRACE_SECONDS: "8",
      METRICS_LINGER_SCRAPES: "3",
      MAX_CONNECTIONS: "11",
      MAX_PINNED_BYTES: "2000000",
      TEXT_PUBLISH: "true",
      CLOSE_TIMEOUT_SECONDS: "2",
    });
    const { options } = service.core;
    assert.equal(options.pingIntervalMs, 7_000);
    assert.equal(options.heartbeatMs, 6_000);
    assert.equal(options.dependencyGraceMs, 8_000);
    assert.equal(options.lingerScrapes, 3);
    assert.equal(options.maxConnections, 11);
    assert.equal(options.maxPinnedBytes, 2_000_000);
    assert.equal(options.textPublish, true);
    assert.equal(options.budget.closeMs, 2_000);
    assert.equal(options.version, "1.2.3");
    assert.equal(options.journal.backend, "memory");
  });

  test("refuses a journal that no backend takes", async (t) => {
    await assert.rejects(build(t, { JOURNAL_URL: "nosuch://host" }), { code: "invalid_settings" });
  });

  test("a closed service has told its clients the feed's last items", async (t) => {
    const { service, ws } = await start(t, { FEED_INTERVAL_SECONDS: "3600", FEED_FINAL_ITEMS: "2" });
    const client = await TextClient.connect(t, ws);
    await service.server.close();
    assert.equal(await client.closed, 1012);
    const [shutdown, one, two, close, ...more] = client.received;
    assert.deepEqual([shutdown, close, more], ["SHUTDOWN", "CLOSE", []]);
    assert.match(one ?? "", /^Final data: \d\d:\d\d:\d\d - 1$/);
    assert.match(two ?? "", /^Final data: \d\d:\d\d:\d\d - 2$/);
  });

  test("ADMIN_PORT takes the probes off the public port, and has nothing else", async (t) => {
    const { service, url } = await start(t, { ADMIN_PORT: "0" });
    const { admin } = service;
    assert.ok(admin !== undefined);
    const adminUrl = addressOf(admin).url;
    for (const path of ["/health", "/ready", "/metrics"]) {
      assert.equal((await fetch(adminUrl + path)).status, 200, path);
      const gone = await fetch(url + path);
      assert.equal(gone.status, 404, path);
      assert.equal(((await gone.json()) as Problem).code, "not_found");
    }
    for (const path of ["/items", "/ws", "/slow", "/openapi.json"]) {
      assert.equal((await fetch(adminUrl + path)).status, 404, path);
    }
    assert.notEqual((await fetch(`${url}/items`)).status, 404);
  });

  test("/slow answers after its seconds, 1 by default, and is bounded", async (t) => {
    const { url } = await start(t, { SLOW_MAX_SECONDS: "2" });
    const quick = await fetch(`${url}/slow?seconds=0`);
    assert.deepEqual([quick.status, await quick.json()], [200, { seconds: 0 }]);
    for (const seconds of ["3", "-1", "x", "Infinity", "-Infinity"]) {
      const response = await fetch(`${url}/slow?seconds=${seconds}`);
      assert.deepEqual([response.status, ((await response.json()) as Problem).code], [400, "invalid_request"], seconds);
    }
  });

  test("/slow lets go when the caller does", async (t) => {
    const { service, port } = await start(t);
    const socket = await rawConnection(t, port, "GET /slow?seconds=20 HTTP/1.1\r\nhost: x\r\n\r\n");
    await once(service.server.server, "request");
    socket.destroy();
    // It would take 10 s to be cut.
    const receipt = await service.core.drain.start({ type: "request" });
    assert.equal(receipt.requests.cut, 0);
    assert.equal(receipt.phases.find(({ phase }) => phase === "requests")?.outcome, "completed");
  });
});

describe("every refusal is a code and a sentence", () => {
  test("an unknown route", async (t) => {
    const { url } = await start(t);
    for (const path of ["/", "/nothing", "/items/1", "/WS", "/nothing?secret=1"]) {
      const response = await fetch(url + path);
      const body = (await response.json()) as Problem;
      assert.deepEqual([response.status, body.code], [404, "not_found"], path);
      assert.doesNotMatch(body.message, /secret/);
    }
  });

  test("a route that is for other methods, which are named", async (t) => {
    const { url } = await start(t);
    for (const [method, path, allow] of [
      ["DELETE", "/items", "GET, HEAD, POST"],
      ["POST", "/ws", "GET, HEAD"],
      ["PUT", "/ready?x=1", "GET, HEAD"],
    ] as const) {
      const response = await fetch(url + path, { method });
      const body = (await response.json()) as Problem;
      assert.deepEqual([response.status, body.code], [405, "method_not_allowed"], path);
      assert.equal(response.headers.get("allow"), allow);
      assert.deepEqual(body.allowed, allow.split(", "));
    }
  });

  test("a path that is none", async (t) => {
    const { url } = await start(t);
    const response = await fetch(`${url}/%zz`);
    const body = (await response.json()) as Problem;
    assert.deepEqual([response.status, body.code], [400, "invalid_request"]);
  });

  test("bytes that are no HTTP, and headers that are too large", async (t) => {
    const { port } = await start(t);
    const huge = `GET /items HTTP/1.1\r\nhost: x\r\nx-large: ${"x".repeat(20_000)}\r\n\r\n`;
    for (const [bytes, status] of [
      ["JUNK\r\n\r\n", 400],
      [huge, 431],
    ] as const) {
      const answer = await text(await rawConnection(t, port, bytes));
      const [head = "", body = ""] = answer.split("\r\n\r\n");
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(JSON.parse(body).code, "invalid_request");
    }
  });

  test("a WebSocket handshake that is none", async (t) => {
    const { port } = await start(t);
    const handshake = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    const answer = await text(await rawConnection(t, port, handshake));
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 4\d\d /);
    assert.equal(JSON.parse(body).code, "invalid_request");
  });
});
