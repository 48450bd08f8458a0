/**
 * Plain `ws` on `node:http`: every item goes to every client with `ws.send`. With `?after=oldest` a client is first sent
 * what there was before it came. `PORT=8080 node fanout-ws.js`
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { obey } from "../pace.js";

/** As many as the bench for resuming asks for. */
const KEPT = 1_000;

const http = createServer();
const server = new WebSocketServer({ server: http, path: "/ws", perMessageDeflate: false, maxPayload: 65_536 });
const kept: string[] = [];
const ignore = () => {};
server.on("connection", (client, request) => {
  client.on("error", ignore);
  if (request.url?.endsWith("?after=oldest")) for (const text of kept) client.send(text);
});

const publish = (items: readonly string[]): void => {
  for (const text of items) {
    kept.push(text);
    for (const client of server.clients) client.send(text);
  }
  kept.splice(0, kept.length - KEPT);
};
http.listen(0, "127.0.0.1", () => obey(http, publish));
