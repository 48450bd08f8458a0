import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { BIN, Program, Service } from "../support/service.js";
import { assertClean } from "./farewell.js";

/** A folder for a journal, gone after the test. */
async function scratch(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lastcall-client-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "journal");
}

describe("lastcall client, with a real server", { timeout: 60_000 }, () => {
  test("shows a drain, comes back to the server that follows, and ends on SIGINT with 0", async (t) => {
    const first = await Service.start(t);
    const { port } = first.url;
    const url = `ws://127.0.0.1:${port}/ws`;
    const client = new Program(t, [process.execPath, BIN, "client"], { SERVER_URL: `http://127.0.0.1:${port}` });
    await client.text("Received: Business data: ");
    await client.text("Sent: Client message: ");
    await first.logged("Received message", ({ message }) => message?.startsWith("Client message: ") ?? false);
    first.signal("SIGTERM");
    const end = await first.ended();
    assertClean(end);
    assert.equal(end.receipt.clients.left, 1);
    assert.equal(end.receipt.clients.echoed, 1);
    await client.text("Reconnecting in ");

    const second = await Service.start(t, { PORT: port });
    const reconnected = client.lines.findIndex((line) => line.includes("Reconnecting in "));
    await client.text("Connected", reconnected);
    await client.text("Received: Business data: ", reconnected);
    client.signal("SIGINT");
    assert.deepEqual(await client.exit, { code: 0, signal: null });
    await second.logged("Client disconnected", ({ fate }) => fate === "gone");

    const words = client.lines.map((line) => line.slice(line.indexOf(" ") + 1));
    const expected = [
      `Connecting to ${url}`,
      "Connected",
      "Received: Business data: ",
      "Sent: Client message: ",
      "Server is shutting down, processing remaining data...",
      "Received: Final data: ",
      "Server sent close signal",
      "Connection closed, will reconnect...",
      "Reconnecting in ",
      `Connecting to ${url}`,
      "Connected",
      "Received: Business data: ",
      "Closing",
      "Closed: 2 connections, ",
    ];
    let at = 0;
    for (const start of expected) {
      const found = words.findIndex((word, i) => i >= at && word.startsWith(start));
      assert.ok(found >= 0, `${start} is not where it should be in:\n${words.join("\n")}`);
      at = found + 1;
    }
    const finals = words.filter((word) => word.startsWith("Received: Final data: "));
    assert.deepEqual(
      finals.map((word) => word.split(" - ")[1]),
      ["1", "2", "3"],
    );
    second.signal("SIGTERM");
    assertClean(await second.ended());
  });

  test("--protocol lastcall.v1: each item once and in order, through a drain and a kill", async (t) => {
    const journal = { JOURNAL_URL: `lmdb:${await scratch(t)}` };
    const first = await Service.start(t, journal);
    const { port } = first.url;
    const url = `ws://127.0.0.1:${port}/ws?after=oldest`;
    const client = new Program(t, [process.execPath, BIN, "client", "--protocol", "lastcall.v1", url], {});
    const received = () => client.lines.filter((line) => line.includes(" Received ")).length;
    await client.text("Received 3-");
    first.signal("SIGTERM");
    const end = await first.ended();
    assertClean(end);
    const second = await Service.start(t, { ...journal, PORT: port });
    await client.text(" Received ", client.lines.length);
    second.signal("SIGKILL");
    await second.exit;
    const third = await Service.start(t, { ...journal, PORT: port });
    await client.text(" Received ", client.lines.length);
    client.signal("SIGTERM");
    assert.deepEqual(await client.exit, { code: 0, signal: null });
    const numbers = client.lines.flatMap((line) => line.match(/ Received (\d+)-/)?.[1] ?? []);
    assert.equal(numbers.length, received());
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => String(i + 1)),
    );
    third.signal("SIGTERM");
    assertClean(await third.ended());
  });

  test("--protocol lastcall.v1 with a server that speaks something else: told, and exit 1", async (t) => {
    const server = createServer((_request, response) => response.writeHead(400).end());
    server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const command = [
      process.execPath,
      BIN,
      "client",
      "--protocol=lastcall.v1",
      `ws://127.0.0.1:${address.port}`,
    ] as const;
    const client = new Program(t, [...command], {});
    assert.deepEqual(await client.exit, { code: 1, signal: null });
    assert.equal(client.stderr, "lastcall: the server refused lastcall.v1 (HTTP 400)\n");
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} while it waits for a server that is not there: exit 0`, async (t) => {
      const gone = await Service.start(t);
      gone.signal("SIGINT");
      await gone.exit;
      const client = new Program(t, [process.execPath, BIN, "client", gone.url.href], {});
      await client.text("Reconnecting in ");
      client.signal(signal);
      assert.deepEqual(await client.exit, { code: 0, signal: null });
    });
  }
});
