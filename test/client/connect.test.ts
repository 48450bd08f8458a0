import assert from "node:assert/strict";
import { test } from "node:test";
import { hello, id, item, settle, start } from "./kit.js";

test("items come in order; the client asks for what comes from now on", async (t) => {
  const { client, server, read, statuses } = start(t);
  const reader = read();
  assert.deepEqual(server().welcome(id(4)), { type: "start", stream: "main", after: "now" });
  server().say(item(5), item(6));
  await settle();
  assert.deepEqual(reader.items, [
    { id: id(5), at: 1_005, data: 5 },
    { id: id(6), at: 1_006, data: 6 },
  ]);
  assert.deepEqual(statuses, [
    { type: "connecting", attempt: 0 },
    { type: "open", server: "pod-1", version: "1.0.0" },
  ]);
  const closed = client.close();
  server().socket.closed(1000);
  await closed;
  await settle();
  assert.deepEqual(server().did, ["close 1000"]);
  assert.equal(reader.error, undefined);
  assert.ok(reader.done);
  assert.deepEqual(statuses.at(-1), { type: "closed" });
});

test("after a loss it goes on from the last item, without repeats", async (t) => {
  const { clock, script, server, read, statuses } = start(t, { after: "oldest", stream: "other" });
  const reader = read();
  assert.deepEqual(server().accept(), { type: "start", stream: "other", after: "oldest" });
  server().say(hello(id(0), { stream: "other" }), item(1), item(2));
  server().socket.closed(1006);
  assert.deepEqual(statuses.at(-1), {
    type: "waiting",
    reason: "lost",
    message: "close code 1006",
    retryInMs: 1_000,
    attempt: 1,
    offline: false,
  });
  await clock.advance(999);
  assert.equal(script.sockets.length, 1);
  await clock.advance(1);
  assert.equal(server().accept()["after"], id(2));
  server().say(hello(id(2), { stream: "other" }), item(3));
  await settle();
  assert.deepEqual(reader.data, [1, 2, 3]);
});
