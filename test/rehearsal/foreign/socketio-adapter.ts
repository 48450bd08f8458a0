/**
 * Speaks Socket.IO (protocol 5, over Engine.IO 4) as socket.io-client does, for `lastcall rehearse --adapter`: a packet is
 * its Engine.IO type (0 open, 2 ping, 3 pong, 4 message), and a message its Socket.IO type (0 connect, 2 event) and JSON.
 * What it recovers from is what socket.io-client sends: the private id it was given, and the offset of its last event.
 */
import type { ClientState } from "../../../src/rehearsal/adapter.js";
import { parsed } from "../../../src/rehearsal/marks.js";
import { itemOf } from "./websocket-adapter.js";

export const path = "/socket.io/?EIO=4&transport=websocket";

export function read(frame: string, send: (text: string) => void, client: ClientState) {
  if (frame.startsWith("0")) {
    const { pid, offset } = client;
    send(pid === undefined ? "40" : `40${JSON.stringify({ pid, offset })}`);
  } else if (frame === "2") send("3");
  else if (frame.startsWith("40")) {
    // A server that could not recover gives another one; the offset stays until an event brings the next.
    client["pid"] = Object(parsed(frame.slice(2))).pid;
  } else if (frame.startsWith("42")) return event(parsed(frame.slice(2)), client);
  return undefined;
}

function event(words: unknown, client: ClientState) {
  if (!Array.isArray(words)) return undefined;
  const [, data] = words;
  const last: unknown = words.at(-1);
  // With recovery the server appends an event's offset to its arguments.
  if (client["pid"] !== undefined && typeof last === "string") client["offset"] = last;
  return itemOf(data);
}
