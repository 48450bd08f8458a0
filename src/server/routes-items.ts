import { isUtf8 } from "node:buffer";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { LastcallError } from "../base/errors.js";
import type { Entry } from "../journal/port.js";
import { DEFAULT_STREAM, parsePosition } from "../protocol/ids.js";
import type { Core } from "./core.js";
import { ANONYMOUS } from "./publisher.js";
import { Cursor, Problem, StreamName } from "./schemas.js";

/** Items in one answer of `GET /items`. */
const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;

const Published = Type.Object({ id: Type.String() });

const Items = Type.Object({
  items: Type.Array(Type.Object({ id: Type.String(), at: Type.Integer(), data: Type.Unknown() })),
  cursor: Type.String({ description: "Where to go on." }),
});

/** `POST /items` and `GET /items`. */
export function itemRoutes(base: FastifyInstance, core: Core): void {
  const fastify = base.withTypeProvider<TypeBoxTypeProvider>();

  // An item is kept byte for byte, so the body is left alone; the publisher sees to it that it is JSON. Nothing else is
  // taken: Fastify's own parser for plain text would let in a bare CLOSE.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body: Buffer, done) => {
    // Decoding would silently put U+FFFD in the place of what is no UTF-8 (which RFC 8259 section 8.1 asks for).
    if (isUtf8(body)) done(null, body.toString());
    else done(new LastcallError("invalid_request", "the body is not UTF-8"));
  });

  fastify.post(
    "/items",
    {
      bodyLimit: core.options.maxItemBytes,
      schema: {
        summary: "Publish an item: the body, any JSON, is its data",
        querystring: Type.Object({ stream: Type.Optional(StreamName) }),
        body: Type.Unknown({
          description: "The item's data, kept byte for byte. Any JSON but the words of the protocol.",
        }),
        headers: Type.Object({
          "idempotency-key": Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 200,
              description: "The same key and data are published once, however often they are sent.",
            }),
          ),
        }),
        response: {
          200: { ...Published, description: "The key was used already, with this data: the id of then." },
          201: { ...Published, description: "The item is in the journal." },
          "4xx": Problem,
          "5xx": Problem,
        },
      },
    },
    async (request, reply) => {
      const data = request.body;
      if (typeof data !== "string" || data.trim() === "") {
        throw new LastcallError("invalid_request", "the body must be JSON, sent as application/json");
      }
      const { id, repeated } = await core.publisher.publish({
        stream: request.query.stream ?? DEFAULT_STREAM,
        publisher: ANONYMOUS,
        key: request.headers["idempotency-key"],
        data,
      });
      return reply.code(repeated ? 200 : 201).send({ id });
    },
  );

  fastify.get(
    "/items",
    {
      schema: {
        summary: "Read items: up to `limit`, fewer when they are large; none when there is nothing after the position",
        querystring: Type.Object({
          stream: Type.Optional(StreamName),
          after: Type.Optional(Cursor),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT })),
        }),
        response: { 200: Items, "4xx": Problem, "5xx": Problem },
      },
      serializerCompiler: ({ httpStatus }) => (httpStatus === "200" ? itemsJson : JSON.stringify),
    },
    async (request) => {
      const { stream = DEFAULT_STREAM, after = "oldest", limit = LIMIT_DEFAULT } = request.query;
      // `Infinity` passes Ajv, which applies bounds to finite numbers only.
      if (!Number.isFinite(limit)) throw new LastcallError("invalid_request", "limit: expected a finite number");
      const { entries, cursor } = await core.streams.readBounded(stream, parsePosition(after), limit);
      return { items: [...entries], cursor };
    },
  );
}

/** Put together from the items' own bytes, which are JSON already. */
function itemsJson({ items, cursor }: { readonly items: readonly Entry[]; readonly cursor: string }): string {
  const texts = items.map(({ id, at, data }) => `{"id":"${id}","at":${at},"data":${data}}`);
  return `{"items":[${texts.join(",")}],"cursor":"${cursor}"}`;
}
