import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";

/** Describes every route registered after it, at `/openapi.json`. */
export async function installOpenApi(fastify: FastifyInstance, version: string): Promise<void> {
  await fastify.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "lastcall",
        version,
        description: "Streams items, and drains without losing one. Every refusal has a stable `code`.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
    },
  });
  fastify.get("/openapi.json", { schema: { hide: true } }, async () => fastify.swagger());
}
