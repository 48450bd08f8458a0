/**
 * The peer most people would write: plain `ws` on `node:http`, which tells everyone with `ws.send`, closes with 1012 and
 * waits for every close. `PORT=8080 FEED_FINAL_ITEMS=5 node ws-broadcast.js`
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const finals = Number(process.env["FEED_FINAL_ITEMS"] ?? 5);
const http = createServer((_request, response) => response.end("ok\n"));
const server = new WebSocketServer({ server: http, path: "/ws", perMessageDeflate: false, maxPayload: 65_536 });
const ignore = () => {};
server.on("connection", (client) => client.on("error", ignore));
http.listen(Number(process.env["PORT"] ?? 8080), "127.0.0.1");

function broadcast(text: string): void {
  for (const client of server.clients) client.send(text);
}

process.once("SIGTERM", () => {
  http.close();
  broadcast("SHUTDOWN");
  const time = new Date().toISOString().slice(11, 19);
  for (let k = 1; k <= finals; k++) broadcast(`Final data: ${time} - ${k}`);
  broadcast("CLOSE");
  let left = server.clients.size;
  for (const client of server.clients) {
    client.once("close", () => {
      left -= 1;
      if (left === 0) process.exit(0);
    });
    client.close(1012);
  }
  if (left === 0) process.exit(0);
});
