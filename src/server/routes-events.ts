import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyReply } from "fastify";
import Type from "typebox";
import { LastcallError } from "../base/errors.js";
import { DEFAULT_STREAM, parsePosition } from "../protocol/ids.js";
import { EventStream } from "../wire/event-stream.js";
import { comeBack, reconnectionMs, SseConnection } from "../wire/sse.js";
import type { Core } from "./core.js";
import { RETRY_AFTER_SECONDS } from "./errors.js";
import { Cursor, Problem, StreamName } from "./schemas.js";
import { UNTRACED } from "./untraced.js";

const HEADERS = {
  "content-type": "text/event-stream",
  // No cache keeps it, and no proxy may compress it: that would hold events back.
  "cache-control": "no-store, no-transform",
  // nginx, and what is built on it, would gather the answer before it passes it on.
  "x-accel-buffering": "no",
} as const;

const COME_BACK = comeBack(Number(RETRY_AFTER_SECONDS) * 1_000);

/** `GET /events`: the stream as server-sent events. */
export function eventsRoute(base: FastifyInstance, core: Core): void {
  const fastify = base.withTypeProvider<TypeBoxTypeProvider>();
  fastify.get(
    "/events",
    {
      config: { events: true, ...UNTRACED },
      exposeHeadRoute: false,
      schema: {
        summary: "The stream, as server-sent events",
        querystring: Type.Object({ stream: Type.Optional(StreamName), after: Type.Optional(Cursor) }),
        headers: Type.Object({
          "last-event-id": Type.Optional(Type.String({ description: "Where to go on; stronger than `after`." })),
        }),
        response: {
          200: { type: "string", description: "text/event-stream, without end." },
          "4xx": Problem,
          "5xx": Problem,
        },
      },
    },
    async (request, reply) => {
      const { stream = DEFAULT_STREAM, after = "now" } = request.query;
      const position = parsePosition(request.headers["last-event-id"] || after);
      try {
        const feed = await core.streams.open(stream);
        const { cursor, head } = await core.streams.locate(feed, position);
        // The journal may have taken its time: the drain may have come further, or the last place be taken.
        const refusal = core.refusal(request.raw.socket, true);
        if (refusal !== undefined) throw refusal;
        reply.hijack();
        if (request.raw.socket.destroyed) return reply;
        reply.raw.writeHead(200, {
          ...headersOf(reply),
          ...HEADERS,
          ...(core.draining ? { connection: "close" } : {}),
        });
        const outlet = new EventStream(reply.raw, request.raw.socket);
        const connection = new SseConnection(outlet, feed, cursor, core.reception, reconnectionMs(Math.random));
        outlet.own(connection);
        if (cursor !== head) core.metrics.replays.inc();
        core.serve(connection);
        return reply;
      } catch (thrown) {
        if (thrown instanceof LastcallError && thrown.status === 503) return sendComeBack(core, reply);
        throw thrown;
      }
    },
  );
}

/** To whoever cannot be served now: an EventSource gives up for ever after any other status. */
export function sendComeBack(core: Core, reply: FastifyReply): FastifyReply {
  core.countAdmission("refused");
  return reply.code(200).headers(HEADERS).send(COME_BACK);
}

/** What the host's own hooks have set (CORS, for one). */
function headersOf(reply: FastifyReply): Record<string, string | number | string[]> {
  const headers: Record<string, string | number | string[]> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) headers[name] = value;
  return headers;
}
