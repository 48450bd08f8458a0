import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { runClient } from "../../src/service/client-program.js";
import { parseServerUrl } from "../../src/service/server-url.js";
import { ManualClock } from "../support/manual-clock.js";

/** The client program with its log; waits are half their ceiling, and time stands still unless `clock` is turned. */
function start(t: TestContext, url: string) {
  const clock = new ManualClock(Date.UTC(2025, 0, 1, 12));
  const abort = new AbortController();
  const lines: string[] = [];
  const arrivals = new EventTarget();
  const ended = runClient(parseServerUrl(url), {
    clock,
    // Waits are as long as they can be.
    random: () => 1,
    signal: abort.signal,
    log(line) {
      lines.push(line);
      arrivals.dispatchEvent(new Event("line"));
    },
  });
  t.after(() => abort.abort());
  let seen = 0;
  return {
    clock,
    abort,
    lines,
    ended,
    /** The lines without their time. */
    texts: () => lines.map((line) => line.slice(line.indexOf(" ") + 1)),
    /** Waits for the next line, after the one waited for last, that starts with `text`. */
    async until(text: string) {
      for (;;) {
        const found = this.texts().findIndex((line, i) => i >= seen && line.startsWith(text));
        if (found >= 0) {
          seen = found + 1;
          return;
        }
        await once(arrivals, "line");
      }
    },
  };
}

async function listen(t: TestContext, port = 0) {
  const server = new WebSocketServer({ port, host: "127.0.0.1", path: "/ws" });
  await once(server, "listening");
  const stop = async () => {
    for (const socket of server.clients) socket.terminate();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  t.after(stop);
  const next = async (): Promise<WebSocket> => (await once(server, "connection"))[0];
  return { port: portOf(server), next, stop };
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

const options = { timeout: 20_000 };

test(
  "it lives through a server's drain, its absence and its return, and says so in the known words",
  options,
  async (t) => {
    const first = await listen(t);
    const url = `ws://127.0.0.1:${first.port}/ws`;
    const arriving = first.next();
    const client = start(t, `http://127.0.0.1:${first.port}`);

    const one = await arriving;
    await client.until("Connected");
    one.send("Business data: 12:00:00");
    await client.until("Received");
    const message = once(one, "message");
    await client.clock.advance(3_000);
    assert.equal(String((await message)[0]), "Client message: 12:00:03");

    one.send("SHUTDOWN");
    one.send("Final data: 12:00:03 - 1");
    one.send("Final data: 12:00:03 - 2");
    await client.until("Received: Final data: 12:00:03 - 2");
    await client.clock.advance(3_000);
    one.send("CLOSE");
    one.close(1012);
    assert.equal((await once(one, "close"))[0], 1012, "the close frame is answered");
    await first.stop();
    await client.until("Reconnecting");
    await client.clock.advance(1_000);
    await client.until("Reconnecting");

    const second = await listen(t, first.port);
    const returning = second.next();
    await client.clock.advance(2_000);
    const two = await returning;
    await client.until("Connected");
    two.send("Business data: 12:00:09");
    await client.until("Received");

    const left = once(two, "close");
    client.abort.abort();
    await client.ended;
    assert.equal((await left)[0], 1000);
    assert.deepEqual(client.clock.pending, []);

    assert.deepEqual(client.texts(), [
      `Connecting to ${url}`,
      "Connected",
      "Received: Business data: 12:00:00",
      "Sent: Client message: 12:00:03",
      "Server is shutting down, processing remaining data...",
      "Received: Final data: 12:00:03 - 1",
      "Received: Final data: 12:00:03 - 2",
      "Server sent close signal",
      "Connection closed, will reconnect...",
      "Reconnecting in 1 seconds...",
      `Connecting to ${url}`,
      `Connection failed: connect ECONNREFUSED 127.0.0.1:${first.port}`,
      "Reconnecting in 2 seconds...",
      `Connecting to ${url}`,
      "Connected",
      "Received: Business data: 12:00:09",
      "Closing",
      "Closed: 2 connections, 4 received, 1 sent",
    ]);
    assert.equal(client.lines[3], "2025-01-01T12:00:03.000Z Sent: Client message: 12:00:03");
  },
);

test("it sends every interval on each connection, and no more once the server drains", options, async (t) => {
  const server = await listen(t);
  const arriving = server.next();
  const client = start(t, `ws://127.0.0.1:${server.port}`);
  const socket = await arriving;
  await client.until("Connected");
  await client.clock.advance(9_500);
  const sent = () => client.texts().filter((text) => text.startsWith("Sent"));
  assert.deepEqual(sent(), [
    "Sent: Client message: 12:00:03",
    "Sent: Client message: 12:00:06",
    "Sent: Client message: 12:00:09",
  ]);
  socket.send("SHUTDOWN");
  await client.until("Server is shutting down");
  assert.deepEqual(client.clock.pending, [], "nothing is going to be sent");
});

test("a refused upgrade: its status is told and its Retry-After kept", options, async (t) => {
  const server = createServer();
  server.on("upgrade", (_request, socket) => {
    socket.end("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 4\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const client = start(t, `ws://127.0.0.1:${portOf(server)}`);
  await client.until("Reconnecting");
  assert.deepEqual(client.texts().slice(1), [
    "Connection failed: HTTP 503, Retry-After: 4",
    "Reconnecting in 5 seconds...",
  ]);
  assert.deepEqual(client.clock.pending, [5_000]);
  client.abort.abort();
  await client.ended;
  assert.deepEqual(client.texts().slice(3), ["Closing", "Closed: 0 connections, 0 received, 0 sent"]);
});

test("ended while connecting, it drops the connection and ends at once", options, async (t) => {
  const server = createTcpServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const arriving = once(server, "connection");
  const client = start(t, `ws://127.0.0.1:${portOf(server)}`);
  const [socket]: Socket[] = await arriving;
  assert.ok(socket);
  socket.on("error", () => {});
  const dropped = once(socket.resume(), "close");
  client.abort.abort();
  await client.ended;
  await dropped;
  assert.deepEqual(client.texts().slice(1), ["Closing", "Closed: 0 connections, 0 received, 0 sent"]);
});

test("a server that does not answer the close holds it up for 2 seconds, no longer", options, async (t) => {
  const server = await listen(t);
  const arriving = server.next();
  const client = start(t, `ws://127.0.0.1:${server.port}`);
  const socket = await arriving;
  await client.until("Connected");
  socket.pause();
  client.abort.abort();
  client.abort.abort();
  assert.deepEqual(client.clock.pending, [2_000]);
  await client.clock.advance(2_000);
  await client.ended;
  assert.deepEqual(client.texts().slice(2), [
    "Closing",
    "Connection lost: close not answered in 2 seconds",
    "Closed: 1 connections, 0 received, 0 sent",
  ]);
  const gone = once(socket, "close");
  socket.resume();
  await gone;
});

test("a signal that came before the start leaves nothing to do", async () => {
  const lines: string[] = [];
  await runClient(new URL("ws://127.0.0.1:1/ws"), { signal: AbortSignal.abort(), log: (line) => lines.push(line) });
  assert.deepEqual(lines, []);
});

test("what comes in cannot write lines of its own, and credentials stay out of the log", options, async (t) => {
  const server = await listen(t);
  const arriving = server.next();
  const client = start(t, `ws://user:secret@127.0.0.1:${server.port}`);
  const socket = await arriving;
  socket.send("one\r\n2025-01-01T12:00:00.000Z Connected\u001b[2K\u2028\u0085\u202etwo \\n ünï 👩‍🚒");
  await client.until("Received");
  socket.send(Buffer.from([1, 2, 3]));
  await client.until("Ignored");
  socket.close(4400, "odd\nreason");
  await client.until("Reconnecting");
  assert.deepEqual(client.texts(), [
    `Connecting to ws://***@127.0.0.1:${server.port}/ws`,
    "Connected",
    "Received: one\\u000d\\u000a2025-01-01T12:00:00.000Z Connected\\u001b[2K\\u2028\\u0085\\u202etwo \\n ünï 👩‍🚒",
    "Ignored a binary frame",
    "Connection lost: close code 4400, odd\\u000areason",
    "Connection closed, will reconnect...",
    "Reconnecting in 1 seconds...",
  ]);
});
