import type { FastifyInstance } from "fastify";
import type { Core } from "./core.js";

/** Seconds after which a client that was refused may come again: by then it is sent to another pod. */
const RETRY_AFTER_SECONDS = "1";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Served whatever the state of the process; not counted as somebody's arrival. */
    probe?: boolean;
  }
}

/** Decides, for every request, whether it is served; and says `Connection: close` once the drain has begun. */
export function installAdmission(fastify: FastifyInstance, core: Core): void {
  fastify.addHook("onRequest", async (request, reply) => {
    if (request.routeOptions.config.probe) return;
    const { socket } = request.raw;
    const upgrade = request.headers.upgrade?.toLowerCase() === "websocket";
    core.sockets.arrived(socket);
    const refusal = core.refusal(socket, upgrade);
    if (refusal !== undefined) {
      if (upgrade) core.countAdmission("refused");
      reply.header("retry-after", RETRY_AFTER_SECONDS);
      throw refusal;
    }
    if (!upgrade) core.sockets.track(request.raw, reply.raw);
  });

  fastify.addHook("onSend", async (_request, reply, payload) => {
    if (core.draining) reply.header("connection", "close");
    return payload;
  });
}
