import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import websocket from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { LastcallError } from "../base/errors.js";
import type { Id } from "../protocol/ids.js";
import { DEFAULT_STREAM, parsePosition } from "../protocol/ids.js";
import type { Feed } from "../stream/feed.js";
import { ServerSocket } from "../wire/server-socket.js";
import { TextConnection } from "../wire/text.js";
import type { Core } from "./core.js";
import { rejectRaw } from "./errors.js";
import { Cursor, Problem, StreamName } from "./schemas.js";
import { webSocketUpgrades } from "./upgrades.js";

/** By how much ws's own cap for a close comes after ours, ms: it is the drain that ends whoever does not answer. */
const CLOSE_MARGIN_MS = 1_000;

/** Where a client that is being upgraded will start. */
interface Start {
  readonly feed: Feed;
  readonly cursor: Id;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Set between the checks of an upgrade and the upgrade itself. */
    lastcallStart: (Start & { readonly response: ServerResponse }) | null;
  }
}

/** Registers @fastify/websocket; has to come before any hook that can refuse a request, or a refused upgrade leaks. */
export async function installWebSocket(fastify: FastifyInstance, core: Core): Promise<void> {
  // An `object`, because the plugin is typed for the CommonJS face of ws, and for one older than `closeTimeout`.
  const options: object = {
    maxPayload: core.options.maxItemBytes,
    perMessageDeflate: false,
    // For closes that the client began or that a broken frame brought; those of the drain have its own caps.
    closeTimeout: core.options.budget.closeMs + CLOSE_MARGIN_MS,
    clientTracking: false,
    // Our sockets answer pings themselves, with one function for all of them.
    autoPong: false,
    WebSocket: ServerSocket,
    server: webSocketUpgrades(fastify),
    // Without it, ws would take the first subprotocol offered, whatever it is.
    handleProtocols: () => false as const,
  };
  await fastify.register(websocket, {
    options,
    // The drain has closed everyone by then.
    preClose: (done) => done(),
  });
  fastify.websocketServer.on("wsClientError", (error, socket) => {
    rejectRaw(socket, 400, new LastcallError("invalid_request", error.message));
  });
}

/** `GET /ws`: text clients; next to them, the subprotocols of the wire contract. */
export function wsRoute(base: FastifyInstance, core: Core): void {
  const fastify = base.withTypeProvider<TypeBoxTypeProvider>();
  fastify.decorateRequest("lastcallStart", null);

  fastify.route({
    method: "GET",
    url: "/ws",
    schema: {
      summary: "The stream, over WebSocket",
      querystring: Type.Object({ stream: Type.Optional(StreamName), after: Type.Optional(Cursor) }),
      response: { "4xx": Problem, "5xx": Problem },
    },
    preHandler: (request, reply, done) => {
      if (!request.ws) return done();
      const offered = request.headers["sec-websocket-protocol"];
      if (offered !== undefined) {
        const message = `none of these subprotocols is spoken here: ${offered}`;
        return done(new LastcallError("unsupported_subprotocol", message));
      }
      const { stream = DEFAULT_STREAM, after = "now" } = request.query;
      const go = ({ feed, cursor }: Start) => {
        request.lastcallStart = { feed, cursor, response: reply.raw };
        // The journal may have taken its time: the drain may have come further, or the last place be taken.
        const refusal = core.refusal(request.raw.socket, true);
        done(refusal);
      };
      // Most want what comes from now on, of a stream that is followed already: nothing to wait for.
      const feed = after === "now" ? core.feeds.current(stream) : undefined;
      if (feed === undefined) findStart(core, stream, after).then(go, done);
      else go({ feed, cursor: feed.at });
    },
    handler: async (_request, reply) => {
      reply.header("upgrade", "websocket");
      throw new LastcallError("upgrade_required", "this route answers WebSocket upgrades only");
    },
    wsHandler: (ws, request) => {
      const start = request.lastcallStart;
      if (start === null || !(ws instanceof ServerSocket)) return ws.terminate();
      // The response that was never sent would hold the request and its headers for as long as the connection lives.
      start.response.detachSocket(request.raw.socket);
      accept(core, ws, request.raw.socket, start);
    },
  });
}

/** Judged before the upgrade, so that a cursor that does not hold is told in a way any client understands. */
async function findStart(core: Core, stream: string, after: string): Promise<Start> {
  const position = parsePosition(after);
  const feed = await core.open(stream);
  if (position === "now") return { feed, cursor: feed.at };
  const page = await core.read(stream, position, 1);
  if (page.entries.length > 0) core.metrics.replays.inc();
  return { feed, cursor: page.after };
}

function accept(core: Core, ws: ServerSocket, socket: Socket, { feed, cursor }: Start): void {
  const connection = new TextConnection(ws, socket, feed, cursor, core.reception);
  ws.own(connection, socket);
  core.countAdmission("accepted");
  core.reception.opened(connection);
  connection.start();
}
