import assert from "node:assert/strict";
import { test } from "node:test";
import { listen, post, rawConnection } from "./kit.js";

test("events whose turn on their connection never came hold nothing once that is gone", async (t) => {
  const { port, url, log } = await listen(t, { slowMaxMs: 60_000 });
  for (let i = 0; i < 10; i += 1) await post(url, JSON.stringify("x".repeat(10_000)));
  const requests = ["/slow?seconds=60", "/events?after=oldest"].map(
    (path) => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`,
  );
  const socket = await rawConnection(t, port, requests.join(""));
  await log.line("Client connected");
  const stalled = async () =>
    /^lastcall_stalled_clients (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
  while ((await stalled()) !== "1");
  socket.destroy();
  await log.line("Client disconnected");
  assert.equal(await stalled(), "0");
});
