/**
 * What lastcall replaces: a demo of graceful shutdown on plain `ws`. SIGTERM turns its readiness to 503, tells everyone
 * `SHUTDOWN`, gives out one to ten last items, says `CLOSE`, closes, and ends; replicas are joined by a Redis channel.
 * `PORT=8080 REDIS_URL=redis://localhost node replaced-service.js`
 */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { openBus } from "./bus.js";

/** Between two of the last items, ms. */
const EVERY_MS = 100;

let ready = true;
let latest: unknown;
const http = createServer(async (request, response) => {
  const answer = (status: number, body: object) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const { pathname } = new URL(request.url ?? "/", "http://service");
  if (pathname === "/ready") answer(ready ? 200 : 503, { status: ready ? "ready" : "shutting_down" });
  else if (pathname === "/items" && request.method === "GET") answer(200, { latest });
  else if (pathname === "/items" && request.method === "POST") {
    await bus.publish(await text(request));
    answer(201, {});
  } else answer(404, {});
});
const sockets = new WebSocketServer({ server: http, path: "/ws" });
sockets.on("connection", (client) => client.on("error", console.error));
const broadcast = (frame: string) => {
  for (const client of sockets.clients) client.send(frame);
};
const bus = await openBus(process.env["REDIS_URL"] ?? "redis://127.0.0.1", (item) => {
  latest = JSON.parse(item);
  broadcast(item);
});

process.once("SIGTERM", async () => {
  ready = false;
  broadcast("SHUTDOWN");
  const finals = 1 + Math.floor(Math.random() * 10);
  for (let k = 1; k <= finals; k += 1) {
    broadcast(`Final data: ${new Date().toISOString().slice(11, 19)} - ${k}`);
    await sleep(EVERY_MS);
  }
  broadcast("CLOSE");
  for (const client of sockets.clients) client.close();
  http.close(async () => {
    await bus.close();
    process.exit(0);
  });
});

http.listen(Number(process.env["PORT"] ?? 8080), "127.0.0.1");
