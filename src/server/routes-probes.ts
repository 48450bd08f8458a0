import { setImmediate } from "node:timers/promises";
// Its types say which words of OpenAPI a route may carry.
import type {} from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Core } from "./core.js";
import { Checks } from "./schemas.js";
import { UNTRACED } from "./untraced.js";

const config = { probe: true, ...UNTRACED } as const;
const headers = { "cache-control": "no-store" } as const;

const Health = Type.Object({
  status: Type.Union([Type.Literal("healthy"), Type.Literal("shutting_down"), Type.Literal("unhealthy")]),
  version: Type.String(),
  reason: Type.Optional(Type.String()),
});

const Ready = Type.Object({ status: Type.Literal("ready") });

const NotReady = Type.Object({
  status: Type.Literal("not_ready"),
  reason: Type.Union([
    Type.Literal("starting"),
    Type.Literal("shutting_down"),
    Type.Literal("dependencies_unavailable"),
  ]),
  checks: Checks,
});

/** `/health`, `/ready`, `/metrics`: answered whatever the state of the process. */
export function probeRoutes(fastify: FastifyInstance, core: Core): void {
  fastify.get(
    "/health",
    {
      config,
      logLevel: "warn",
      schema: {
        summary: "Whether the process can do its work; 200 until it exits",
        response: { 200: Health, 503: Health },
      },
    },
    async (_request, reply) => {
      reply.headers(headers);
      const { version } = core.options;
      // A failing liveness probe would be a kill: during a drain the answer is always 200.
      if (core.draining) return { status: "shutting_down", version } as const;
      const reason = core.unhealthy;
      if (reason === undefined) return { status: "healthy", version } as const;
      return reply.code(503).send({ status: "unhealthy", version, reason } as const);
    },
  );

  fastify.get(
    "/ready",
    {
      config,
      logLevel: "warn",
      schema: { summary: "Whether new clients should be sent here", response: { 200: Ready, 503: NotReady } },
    },
    async (_request, reply) => {
      const state = core.readiness.state();
      return reply
        .headers(headers)
        .code(state.status === "ready" ? 200 : 503)
        .send(state);
    },
  );

  fastify.get(
    "/metrics",
    {
      config,
      logLevel: "warn",
      schema: { summary: "The figures, as Prometheus reads them" },
    },
    async (request, reply) => {
      const { registry } = core.metrics;
      const sent = core.scrapes.asked(request.raw);
      if (sent !== undefined) {
        // A scraper that gave up, because the process was long in coming to it, is heard of before it is answered, and
        // its response is not finished: between two immediates the event loop polls.
        await setImmediate();
        await setImmediate();
      }
      const text = await registry.metrics();
      if (sent !== undefined) reply.raw.once("finish", sent);
      return reply.header("content-type", registry.contentType).send(text);
    },
  );
}
