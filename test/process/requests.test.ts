import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, RawConnection } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { assertClean } from "./farewell.js";

describe("requests and connections at the end", { timeout: 60_000 }, () => {
  test("an in-flight /slow finishes with 200 and Connection: close", async (t) => {
    const service = await Service.start(t);
    const slow = await RawConnection.open(t, service.url);
    slow.send("GET", "/slow?seconds=1.5");
    // Answered on connections made later: the slow request has been read by then.
    for (let n = 0; n < 2; n += 1) await ask(t, service.url, "GET", "/health");
    service.signal("SIGTERM");
    await service.logged("Waiting for requests in flight");
    assert.equal(service.all("Phase requests over").length, 0);
    const answer = await slow.answer();
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.body), { seconds: 1.5 });
    assert.equal(answer.headers.get("connection"), "close");
    const end = await service.ended();
    assertClean(end);
    assert.deepEqual(end.receipt.requests, { finished: 1, cut: 0 });
  });

  test("kept-alive idle connections and such that never sent a byte do not hold the exit up", async (t) => {
    const service = await Service.start(t, { REQUESTS_TIMEOUT_SECONDS: "20", CLOSE_TIMEOUT_SECONDS: "20" });
    const silent = await Promise.all(Array.from({ length: 5 }, () => RawConnection.open(t, service.url)));
    const idle = await Promise.all(Array.from({ length: 5 }, () => RawConnection.open(t, service.url)));
    for (const connection of idle) assert.equal((await connection.request("GET", "/items")).status, 200);
    const half = await RawConnection.open(t, service.url);
    half.socket.write("POST /items HTTP/1.1\r\nhost: te");
    service.signal("SIGTERM");
    await Promise.all([...silent, ...idle, half].map((connection) => connection.closed));
    const end = await service.ended();
    assertClean(end);
    const outcomes = end.receipt.phases.map(({ phase, outcome }) => `${phase} ${outcome}`);
    assert.deepEqual(outcomes, [
      "window skipped",
      "announce completed",
      "finish completed",
      "close completed",
      "requests completed",
      "release completed",
      "linger skipped",
    ]);
  });

  test("a request whose body never comes is cut at the cap, and counted", async (t) => {
    const service = await Service.start(t, { REQUESTS_TIMEOUT_SECONDS: "0.5" });
    const stalled = await RawConnection.open(t, service.url);
    stalled.socket.write(
      "POST /items HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n123",
    );
    for (let n = 0; n < 2; n += 1) await ask(t, service.url, "GET", "/health");
    service.signal("SIGTERM");
    const { code, receipt } = await service.ended();
    assert.equal(code, 1);
    assert.deepEqual(receipt.requests, { finished: 0, cut: 1 });
  });

  test("a request whose client went away is neither waited for nor cut", async (t) => {
    const service = await Service.start(t, { REQUESTS_TIMEOUT_SECONDS: "20" });
    const slow = await RawConnection.open(t, service.url);
    slow.send("GET", "/slow?seconds=50");
    for (let n = 0; n < 2; n += 1) await ask(t, service.url, "GET", "/health");
    service.signal("SIGTERM");
    await service.logged("Waiting for requests in flight");
    slow.socket.destroy();
    const end = await service.ended();
    assertClean(end);
    assert.equal(end.receipt.requests.cut, 0);
  });
});
