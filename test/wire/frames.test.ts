import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { textFrame } from "../../src/wire/frames.js";
import { rawClient, wire } from "./kit.js";

test("frames of every length form are read by ws as they were meant", async (t) => {
  const it = await wire(t);
  const socket = await it.upgraded();
  const texts = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000].map((length) => "x".repeat(length));
  texts.push("é".repeat(63), "🍻".repeat(20_000), "\ud800 half a pair");
  const read: string[] = [];
  const { client } = socket;
  client.on("message", (data, isBinary) => read.push(`${isBinary}${data}`));
  socket.raw.write(Buffer.concat(texts.map(textFrame)));
  while (read.length < texts.length) await once(client, "message");
  // A lone surrogate has no UTF-8; what stands for it is U+FFFD.
  assert.deepEqual(
    read,
    [...texts.slice(0, -1), "\ufffd half a pair"].map((text) => `false${text}`),
  );
});

test("the header is the shortest that the length allows", () => {
  const header = (length: number) => textFrame("x".repeat(length)).length - length;
  assert.deepEqual([0, 125, 126, 65_535, 65_536].map(header), [2, 2, 4, 4, 10]);
  assert.deepEqual([...textFrame("hi")], [0x81, 2, 0x68, 0x69]);
});

test("the raw client of these tests reads what the server's frames say", async (t) => {
  const it = await wire(t);
  const client = await rawClient(it.port);
  const accepted = await it.accepted();
  await it.append(["one", 2]);
  await client.seen(2);
  accepted.connection.terminate();
  await client.closed;
  assert.deepEqual(client.frames, ["one", "2", "FIN"]);
});
