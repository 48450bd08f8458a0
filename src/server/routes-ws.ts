import type { Socket } from "node:net";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import websocket from "@fastify/websocket";
import type { FastifyInstance, FastifyRequest } from "fastify";
import Type from "typebox";
import type { WebSocket } from "ws";
import { LastcallError } from "../base/errors.js";
import type { Id } from "../protocol/ids.js";
import { DEFAULT_STREAM } from "../protocol/ids.js";
import type { Feed } from "../stream/feed.js";
import { TextConnection } from "../wire/text.js";
import type { Core } from "./core.js";
import { parsePosition } from "./position.js";
import { Cursor, Problem, StreamName } from "./schemas.js";

/** Where a client that is being upgraded will start. */
interface Start {
  readonly feed: Feed;
  readonly cursor: Id;
}

/**
 * The listeners of every WebSocket are the same few functions: a closure for each would cost a connection more memory
 * than its session does.
 */
const connections = new WeakMap<WebSocket, TextConnection>();

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  connections.get(this)?.onMessage(data, isBinary);
}
function onPong(this: WebSocket): void {
  connections.get(this)?.onPong();
}
function onClose(this: WebSocket, code: number): void {
  connections.get(this)?.onClose(code);
}
/** ws closes the connection itself; `close` follows. */
function onError(): void {}

/** Registers @fastify/websocket; has to come before any hook that can refuse a request, or a refused upgrade leaks. */
export async function installWebSocket(fastify: FastifyInstance, core: Core): Promise<void> {
  if (fastify.hasDecorator("websocketServer")) {
    throw new LastcallError("invalid_settings", "lastcall registers @fastify/websocket itself: remove the other one");
  }
  const options = {
    maxPayload: core.options.maxItemBytes,
    perMessageDeflate: false,
    // For closes that the client began or that a broken frame brought; those of the drain have its own caps.
    closeTimeout: core.options.budget.closeMs,
    clientTracking: false,
    // Without it, ws would take the first subprotocol offered, whatever it is.
    handleProtocols: () => false as const,
  };
  await fastify.register(websocket, {
    options,
    // The drain has closed everyone by then.
    preClose: (done) => done(),
  });
}

/** `GET /ws`: text clients; next to them, the subprotocols of the wire contract. */
export function wsRoute(base: FastifyInstance, core: Core): void {
  const fastify = base.withTypeProvider<TypeBoxTypeProvider>();
  const starts = new WeakMap<FastifyRequest["raw"], Start>();

  fastify.route({
    method: "GET",
    url: "/ws",
    schema: {
      summary: "The stream, over WebSocket",
      querystring: Type.Object({ stream: Type.Optional(StreamName), after: Type.Optional(Cursor) }),
      response: { "4xx": Problem, "5xx": Problem },
    },
    preHandler: async (request) => {
      if (!request.ws) return;
      const offered = request.headers["sec-websocket-protocol"];
      if (offered !== undefined) {
        throw new LastcallError("unsupported_subprotocol", `none of these subprotocols is spoken here: ${offered}`);
      }
      const { stream = DEFAULT_STREAM, after = "now" } = request.query;
      starts.set(request.raw, await findStart(core, stream, after));
    },
    handler: async (_request, reply) => {
      reply.header("upgrade", "websocket");
      throw new LastcallError("upgrade_required", "this route answers WebSocket upgrades only");
    },
    wsHandler: (ws, request) => {
      const start = starts.get(request.raw);
      if (start === undefined) return ws.terminate();
      accept(core, ws, request.raw.socket, start);
    },
  });
}

/** Judged before the upgrade, so that a cursor that does not hold is told in a way any client understands. */
async function findStart(core: Core, stream: string, after: string): Promise<Start> {
  const position = parsePosition(after);
  const feed = await core.open(stream);
  if (position === "now") return { feed, cursor: feed.at };
  const page = await core.options.journal.read(stream, position, 1);
  if (page.type === "gap") {
    const { reason, cursor } = page;
    core.metrics.gaps.inc({ reason });
    throw new LastcallError("gap", `nothing can be given after ${after}: the journal was ${reason}`, {
      detail: { reason, cursor },
    });
  }
  if (page.entries.length > 0) core.metrics.replays.inc();
  return { feed, cursor: page.after };
}

function accept(core: Core, ws: WebSocket, socket: Socket, { feed, cursor }: Start): void {
  const connection = new TextConnection(ws, socket, feed, cursor, core.reception);
  connections.set(ws, connection);
  // The plugin's own error listener holds the request and the reply for as long as the connection lives.
  ws.removeAllListeners("error");
  ws.on("error", onError);
  ws.on("message", onMessage);
  ws.on("pong", onPong);
  ws.on("close", onClose);
  core.countAdmission("accepted");
  core.reception.opened(connection);
  connection.start();
}
