/**
 * The peer that trusts its framework: Fastify and `@fastify/websocket` as they come, and `app.close()` on SIGTERM. Its
 * clients are told nothing, and the close frame carries no code (1005). `PORT=8080 node fastify-defaults.js`
 */
import websocket from "@fastify/websocket";
import fastify from "fastify";

const app = fastify();
await app.register(websocket);
const ignore = () => {};
app.get("/ws", { websocket: true }, (client) => {
  client.on("error", ignore);
});
app.get("/ready", () => "ok\n");
app.get("/health", () => "ok\n");

process.once("SIGTERM", () => {
  app.close().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

await app.listen({ port: Number(process.env["PORT"] ?? 8080), host: "127.0.0.1" });
