import assert from "node:assert/strict";
import { test } from "node:test";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell, clientsOf, everybodyLeft } from "./farewell.js";

const SIZE = 2_000;

test(`SIGTERM with ${SIZE} connected: each is told, served and closed, and no log line is missing at exit`, {
  timeout: 60_000,
}, async (t) => {
  const service = await Service.start(t);
  const clients = await TextClient.crowd(t, service.url, SIZE);
  await service.logged("Client connected", ({ clients: count }) => count === SIZE);
  service.signal("SIGTERM");
  await Promise.all(clients.map((client) => client.closed));
  const end = await service.ended();
  for (const client of clients) assertFarewell(client, 3);
  assertClean(end);
  assert.deepEqual(clientsOf(end.receipt), everybodyLeft(SIZE));
  assert.equal(service.all("Client connected").length, SIZE);
});
