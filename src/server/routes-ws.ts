import type { ServerResponse } from "node:http";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import websocket from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { LastcallError } from "../base/errors.js";
import type { Id } from "../protocol/ids.js";
import { DEFAULT_STREAM, parsePosition } from "../protocol/ids.js";
import { SUBPROTOCOL } from "../protocol/messages.js";
import type { Feed } from "../stream/feed.js";
import { ServerSocket } from "../wire/server-socket.js";
import { TextConnection } from "../wire/text.js";
import { V1Connection } from "../wire/v1.js";
import type { V1Server } from "../wire/v1-server.js";
import type { Core } from "./core.js";
import { rejectRaw } from "./errors.js";
import { ANONYMOUS } from "./publisher.js";
import { Cursor, Problem, StreamName } from "./schemas.js";
import { UNTRACED } from "./untraced.js";
import { webSocketUpgrades } from "./upgrades.js";

/** By how much ws's own cap for a close comes after ours, ms: it is the drain that ends whoever does not answer. */
const CLOSE_MARGIN_MS = 1_000;

/** Bytes of a publish that are not its data: the key, every character of it escaped, and the words around it. */
const ENVELOPE_BYTES = 2_048;

/** How a client that is being upgraded will start; one that speaks `lastcall.v1` says itself where. */
type Start = { readonly type: "v1" } | { readonly type: "text"; readonly feed: Feed; readonly cursor: Id };

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
    maxPayload: core.options.maxItemBytes + ENVELOPE_BYTES,
    perMessageDeflate: false,
    // For closes that the client began or that a broken frame brought; those of the drain have its own caps.
    closeTimeout: core.options.budget.closeMs + CLOSE_MARGIN_MS,
    clientTracking: false,
    // Our sockets answer pings themselves, with one function for all of them.
    autoPong: false,
    WebSocket: ServerSocket,
    server: webSocketUpgrades(fastify),
    // Without it, ws would take the first subprotocol offered, whatever it is.
    handleProtocols: (offered: ReadonlySet<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
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

/** `GET /ws`: clients of `lastcall.v1`, and without a subprotocol text clients. */
export function wsRoute(base: FastifyInstance, core: Core): void {
  const fastify = base.withTypeProvider<TypeBoxTypeProvider>();
  fastify.decorateRequest("lastcallStart", null);
  const v1 = createV1(core);
  const publishText = core.options.textPublish ? core.reception.publish : undefined;

  fastify.route({
    method: "GET",
    url: "/ws",
    config: { ...UNTRACED },
    schema: {
      summary: "The stream, over WebSocket",
      querystring: Type.Object({ stream: Type.Optional(StreamName), after: Type.Optional(Cursor) }),
      response: { "4xx": Problem, "5xx": Problem },
    },
    preHandler: (request, reply, done) => {
      if (!request.ws) return done();
      const go = (start: Start) => {
        request.lastcallStart = { ...start, response: reply.raw };
        // The journal may have taken its time: the drain may have come further, or the last place be taken.
        const refusal = core.refusal(request.raw.socket, true);
        done(refusal);
      };
      const offered = request.headers["sec-websocket-protocol"];
      if (offered !== undefined) {
        if (offered.split(",").some((name) => name.trim() === SUBPROTOCOL)) return go({ type: "v1" });
        const message = `none of these subprotocols is spoken here: ${offered}`;
        return done(new LastcallError("unsupported_subprotocol", message));
      }
      const { stream = DEFAULT_STREAM, after = "now" } = request.query;
      // Most want what comes from now on, of a stream that is followed already: nothing to wait for.
      const feed = after === "now" ? core.streams.followed(stream) : undefined;
      if (feed === undefined) findStart(core, stream, after).then(go, done);
      else go({ type: "text", feed, cursor: feed.at });
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
      const connection =
        start.type === "v1"
          ? new V1Connection(ws, v1, core.reception)
          : new TextConnection(ws, start.feed, start.cursor, core.reception, publishText);
      ws.own(connection, request.raw.socket);
      core.serve(connection);
    },
  });
}

/** Judged before the upgrade, so that a cursor that does not hold is told in a way any client understands. */
async function findStart(core: Core, stream: string, after: string): Promise<Start> {
  const position = parsePosition(after);
  const feed = await core.streams.open(stream);
  if (position === "now") return { type: "text", feed, cursor: feed.at };
  const page = await core.streams.read(stream, position, 1);
  if (page.entries.length > 0) core.metrics.replays.inc();
  return { type: "text", feed, cursor: page.after };
}

function createV1(core: Core): V1Server {
  const { name, version, heartbeatMs, maxItemBytes, journal, clock } = core.options;
  return {
    clock,
    terms: { server: name, version, heartbeatMs, maxBytes: maxItemBytes, keyTtlMs: journal.keyTtlMs },
    open: (stream) => core.streams.open(stream),
    locate: (feed, position) => core.streams.locate(feed, position),
    async publish(stream, { key, data }) {
      const { id } = await core.publisher.publish({ stream, publisher: ANONYMOUS, key, data });
      return id;
    },
  };
}
