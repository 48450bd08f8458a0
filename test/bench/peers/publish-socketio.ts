/**
 * Socket.IO as it comes, over its WebSocket transport: each item goes into an array and is acknowledged, as whoever calls
 * `emitWithAck` awaits it. No key is looked up, nothing is stored. `PORT=8080 node publish-socketio.js`
 */
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((_request, response) => response.end());
const io = new Server(http, { transports: ["websocket"] });
const items: unknown[] = [];
io.on("connection", (socket) => {
  socket.on("publish", (data: unknown, ack: (id: string) => void) => ack(`${items.push(data)}-00000000`));
});
http.listen(Number(process.env["PORT"]), "127.0.0.1");
