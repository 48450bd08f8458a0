import { EventEmitter } from "node:events";
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";

export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Where @fastify/websocket is to listen for upgrades: those to WebSocket only. Node hands over every upgrade once
 * somebody listens for one, and a request that offers another protocol (`curl --http2` offers h2c) is an ordinary request
 * all the same, whose offer may be overlooked (RFC 9110 section 7.8).
 */
export function webSocketUpgrades(fastify: FastifyInstance): EventEmitter {
  const upgrades = new EventEmitter();
  fastify.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isWebSocketUpgrade(request)) upgrades.emit("upgrade", request, socket, head);
    else serve(fastify, request, socket);
  });
  return upgrades;
}

function serve(fastify: FastifyInstance, request: IncomingMessage, socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  // Node's parser has let go of the connection: there will be no body, and no second request.
  const bodiless = request.method === "GET" || request.method === "HEAD";
  if (!bodiless) {
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(request.socket);
  response.once("finish", () => socket.end());
  fastify.routing(request, response);
}
