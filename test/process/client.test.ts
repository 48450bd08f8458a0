import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BIN, Program, Service } from "../support/service.js";
import { assertClean } from "./farewell.js";

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
