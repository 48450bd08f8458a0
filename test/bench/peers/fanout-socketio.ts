/** Socket.IO as it comes, over its WebSocket transport: `io.emit` for every item. `PORT=8080 node fanout-socketio.js` */
import { createServer } from "node:http";
import { Server } from "socket.io";
import { obey } from "../pace.js";

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
const publish = (items: readonly string[]): void => {
  for (const text of items) io.emit("item", text);
};
http.listen(0, "127.0.0.1", () => obey(http, publish));
