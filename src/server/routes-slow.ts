import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { sleep } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import type { Core } from "./core.js";
import { Problem } from "./schemas.js";

/** `GET /slow`: a request that takes its time, to try the drain with. */
export function slowRoute(base: FastifyInstance, core: Core): void {
  const { slowMaxMs, clock } = core.options;
  base.withTypeProvider<TypeBoxTypeProvider>().get(
    "/slow",
    {
      schema: {
        summary: "Answers after some seconds, to try the drain with",
        querystring: Type.Object({
          seconds: Type.Optional(Type.Number({ minimum: 0, maximum: slowMaxMs / 1000, default: 1 })),
        }),
        response: { 200: Type.Object({ seconds: Type.Number() }), "4xx": Problem, "5xx": Problem },
      },
    },
    async (request, reply) => {
      const { seconds = 1 } = request.query;
      // `Infinity` passes Ajv, which applies bounds to finite numbers only.
      if (!Number.isFinite(seconds)) throw new LastcallError("invalid_request", "seconds: expected a finite number");
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      await sleep(clock, seconds * 1000, gone.signal);
      return { seconds };
    },
  );
}
