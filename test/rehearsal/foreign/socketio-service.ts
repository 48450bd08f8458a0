/**
 * Socket.IO with connection state recovery, as its documentation shows both ways to have several replicas:
 * `node socketio-service.js memory` keeps what is recovered from in each replica's memory (the built-in adapter, with a Redis
 * channel between the replicas), `node socketio-service.js streams` in Redis (`@socket.io/redis-streams-adapter`).
 * Takes PORT and REDIS_URL.
 */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server, type ServerOptions } from "socket.io";
import { openBus } from "./bus.js";

const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1";
const http = createServer();
/** No long polling: behind a balancer that has no sticky sessions only WebSockets work. */
const OPTIONS: Partial<ServerOptions> = { transports: ["websocket"], connectionStateRecovery: {} };
let latest: unknown;
const { publish, close } = process.argv[2] === "streams" ? throughStreams() : await throughChannel();

http.on("request", async (request, response) => {
  const answer = (status: number, body: object) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const { pathname } = new URL(request.url ?? "/", "http://service");
  if (pathname === "/ready") answer(200, { status: "ready" });
  else if (pathname === "/items" && request.method === "GET") answer(200, { latest });
  else if (pathname === "/items" && request.method === "POST") {
    await publish(await text(request));
    answer(201, {});
  }
});
process.once("SIGTERM", async () => {
  await close();
  process.exit(0);
});
http.listen(Number(process.env["PORT"] ?? 8080), "127.0.0.1");

async function throughChannel() {
  const io = new Server(http, OPTIONS);
  const bus = await openBus(url, (item) => {
    latest = JSON.parse(item);
    io.emit("item", latest);
  });
  const close = async () => {
    await io.close();
    await bus.close();
  };
  return { publish: bus.publish, close };
}

function throughStreams() {
  const redis = new Redis(url);
  const io = new Server(http, { ...OPTIONS, adapter: createAdapter(redis) });
  const publish = async (item: string) => {
    latest = JSON.parse(item);
    io.emit("item", latest);
  };
  const close = async () => {
    await io.close();
    await redis.quit();
  };
  return { publish, close };
}
