/**
 * The service that trusts its framework: Fastify, `@fastify/websocket` and `close-with-grace` with their defaults, several
 * replicas joined by a Redis channel. `PORT=8080 REDIS_URL=redis://localhost node fastify-service.js`
 */
import websocket from "@fastify/websocket";
import closeWithGrace from "close-with-grace";
import fastify from "fastify";
import { openBus } from "./bus.js";

let latest: unknown;
const app = fastify();
await app.register(websocket);
const bus = await openBus(process.env["REDIS_URL"] ?? "redis://127.0.0.1", (item) => {
  latest = JSON.parse(item);
  for (const client of app.websocketServer.clients) client.send(item);
});

app.get("/ready", () => ({ status: "ready" }));
app.get("/items", () => ({ latest }));
app.post("/items", async (request, reply) => {
  await bus.publish(JSON.stringify(request.body));
  return reply.code(201).send({});
});
app.get("/ws", { websocket: true }, (client) => {
  client.on("error", (error) => app.log.error(error));
});
app.addHook("onClose", () => bus.close());

closeWithGrace(async ({ err }) => {
  if (err) app.log.error(err);
  await app.close();
});

await app.listen({ port: Number(process.env["PORT"] ?? 8080), host: "127.0.0.1" });
