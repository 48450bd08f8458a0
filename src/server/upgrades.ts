import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";

/** Headers that only the offer needs; `Connection` names them, and asks for nothing else that matters here. */
const OFFER = /^(?:upgrade|http2-settings|connection)$/i;

export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Where @fastify/websocket is to listen for upgrades: those to WebSocket only. Node hands over every upgrade once
 * somebody listens for one, and a request that offers another protocol (`curl --http2` and Java's HttpClient offer h2c)
 * is an ordinary request all the same, whose offer may be overlooked (RFC 9110 section 7.8).
 */
export function webSocketUpgrades({ server }: FastifyInstance): EventEmitter {
  const upgrades = new EventEmitter();
  // Node 24.9 and later ask first.
  if ("shouldUpgradeCallback" in server) server.shouldUpgradeCallback = isWebSocketUpgrade;
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isWebSocketUpgrade(request)) upgrades.emit("upgrade", request, socket, head);
    else {
      // Node's parser has let go of the connection: it is given to a new one, from the start, without the offer.
      socket.unshift(Buffer.concat([Buffer.from(withoutOffer(request), "latin1"), head]));
      server.emit("encrypted" in socket ? "secureConnection" : "connection", socket);
    }
  });
  return upgrades;
}

/** The head of a request as it came, less what offers another protocol. */
function withoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!OFFER.test(name)) lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}
