/**
 * The floor of the protocol: plain `ws` on `node:http` that takes a `publish`, puts its data into an array and
 * acknowledges it, in the words of lastcall.v1. No key is looked up, nothing is stored. `PORT=8080 node publish-ws.js`
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const http = createServer((_request, response) => response.end());
const server = new WebSocketServer({ server: http, path: "/ws", perMessageDeflate: false, maxPayload: 65_536 });
const items: unknown[] = [];
const ignore = () => {};
server.on("connection", (client) => {
  client.on("error", ignore);
  client.on("message", (bytes) => {
    const { type, key, data } = JSON.parse(String(bytes));
    if (type === "start") client.send(JSON.stringify({ type: "hello", stream: "main" }));
    if (type === "publish") client.send(JSON.stringify({ type: "ack", key, id: `${items.push(data)}-00000000` }));
  });
});
http.listen(Number(process.env["PORT"]), "127.0.0.1");
