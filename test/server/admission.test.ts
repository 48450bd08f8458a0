import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { deferred } from "../../src/base/deferred.js";
import type { Source } from "../../src/fastify.js";
import { listen, QUICK, rawConnection, refusedUpgrade } from "./kit.js";
import { TextClient } from "./text-client.js";

/** A source whose end the test decides: until then the drain stands still, after its announcement. */
function heldSource() {
  const gate = deferred();
  return { release: () => gate.resolve(), source: (): Source => ({ finish: () => gate.promise.then(() => 0) }) };
}

async function get(url: string, agent: Agent | false): Promise<readonly [IncomingMessage, string]> {
  const asked = request(url, { agent }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return [response, await text(response)];
}

describe("from the announcement on", () => {
  test("new connections are refused, old ones are served, probes always", async (t) => {
    const { release, source } = heldSource();
    const { app, url, ws, log } = await listen(t, { source, slowMaxMs: 1_000 });
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => kept.destroy());
    const [before] = await get(`${url}/items`, kept);
    assert.equal(before.headers.connection, "keep-alive");
    const drained = app.lastcall.drain.start({ type: "request" });
    await log.line("Publishing the last items");

    const [refused, body] = await get(`${url}/items`, false);
    assert.equal(refused.statusCode, 503);
    assert.equal(refused.headers["retry-after"], "1");
    assert.equal(refused.headers.connection, "close");
    assert.equal(JSON.parse(body).code, "shutting_down");
    const upgrade = await refusedUpgrade(ws);
    assert.deepEqual([upgrade.status, upgrade.body.code, upgrade.headers["retry-after"]], [503, "shutting_down", "1"]);
    for (const [path, status] of [
      ["/health", 200],
      ["/ready", 503],
      ["/metrics", 200],
    ] as const) {
      const [probe, answer] = await get(url + path, false);
      assert.equal(probe.statusCode, status, path);
      assert.doesNotMatch(answer, /"code":/, path);
    }
    const [served] = await get(`${url}/items`, kept);
    assert.equal(served.statusCode, 200);
    assert.equal(served.headers.connection, "close");

    release();
    assert.equal((await drained).outcome, "clean");
  });

  test("a client that comes on an old connection is told at once, and closed with the others", async (t) => {
    const { release, source } = heldSource();
    const { app, port, log } = await listen(t, { source });
    const [socket] = await Promise.all([rawConnection(t, port), once(app.server, "connection")]);
    const drained = app.lastcall.drain.start({ type: "request" });
    await log.line("Publishing the last items");
    socket.write(
      "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
        "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    const bytes: Buffer[] = [];
    socket.on("data", (chunk) => {
      bytes.push(chunk);
      if (chunk.includes("SHUTDOWN")) release();
      if (chunk.includes("CLOSE")) socket.end();
    });
    await once(socket, "close");
    const heard = Buffer.concat(bytes).toString("latin1");
    assert.match(heard, /^HTTP\/1\.1 101 /);
    // Two text frames and a close frame (RFC 6455 section 5.2); 0x03f4 is 1012.
    assert.equal(heard.split("\r\n\r\n")[1], "\x81\x08SHUTDOWN\x81\x05CLOSE\x88\x02\x03\xf4");
    const receipt = await drained;
    assert.deepEqual([receipt.clients.told, receipt.clients.left], [1, 1]);
  });

  test("what a client is sent to publish is still appended", async (t) => {
    const { release, source } = heldSource();
    const { app, ws, log } = await listen(t, { source, textPublish: true });
    const [one, two] = [await TextClient.connect(t, ws), await TextClient.connect(t, ws)];
    const drained = app.lastcall.drain.start({ type: "request" });
    await one.atLeast(1);
    one.socket.send("one more");
    assert.deepEqual(await two.atLeast(2), ["SHUTDOWN", "one more"]);
    await log.line("Received message");
    release();
    await Promise.all([one.closed, two.closed]);
    assert.deepEqual(one.received, ["SHUTDOWN", "one more", "CLOSE"]);
    assert.equal((await drained).clients.left, 2);
  });

  test("an in-flight /slow is waited for", async (t) => {
    const { app, url, log } = await listen(t, { slowMaxMs: 1_000, budget: QUICK });
    const slow = fetch(`${url}/slow?seconds=0.3`);
    await once(app.server, "request");
    const drained = app.lastcall.drain.start({ type: "request" });
    await log.line("Waiting for requests in flight");
    const response = await slow;
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { seconds: 0.3 });
    assert.deepEqual((await drained).requests, { finished: 1, cut: 0 });
  });
});
