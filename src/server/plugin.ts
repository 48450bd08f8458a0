import type { FastifyInstance } from "fastify";
import fp from "fastify-plugin";
import { LastcallError } from "../base/errors.js";
import { installAdmission } from "./admission.js";
import { Core } from "./core.js";
import { installErrors } from "./errors.js";
import { type LastcallOptions, resolveOptions } from "./options.js";
import { eventsRoute } from "./routes-events.js";
import { itemRoutes } from "./routes-items.js";
import { probeRoutes } from "./routes-probes.js";
import { slowRoute } from "./routes-slow.js";
import { installWebSocket, wsRoute } from "./routes-ws.js";

declare module "fastify" {
  interface FastifyInstance {
    lastcall: Core;
  }
}

/** The version a plugin reports when its host names none. */
const UNVERSIONED = "unknown";

async function plugin(fastify: FastifyInstance, given: LastcallOptions): Promise<void> {
  if (fastify.hasDecorator("websocketServer")) {
    throw new LastcallError("invalid_settings", "lastcall registers @fastify/websocket itself: remove the other one");
  }
  const core = new Core(resolveOptions(given, UNVERSIONED), fastify.server, fastify.log);
  fastify.decorate("lastcall", core);

  // Before any hook that can refuse a request.
  await installWebSocket(fastify, core);
  installAdmission(fastify, core);

  await fastify.register((routes, _options, done) => {
    installErrors(routes);
    wsRoute(routes, core);
    eventsRoute(routes, core);
    itemRoutes(routes, core);
    if (core.options.slowMaxMs > 0) slowRoute(routes, core);
    if (core.options.probes) probeRoutes(routes, core);
    done();
  });

  fastify.addHook("onListen", () => core.readiness.listening());
  // Whoever closes the server without a drain gets one all the same, as short as it can be: Fastify refuses everything
  // from here on, so there is nothing to wait for.
  fastify.addHook("preClose", async () => {
    await core.drain.start({ type: "close" });
    core.sockets.destroy();
  });
}

/** lastcall as a Fastify plugin: `/ws`, `/events`, `/items`, the probes, and the drain (`fastify.lastcall.drain`). */
export const lastcall = fp(plugin, { name: "lastcall", fastify: "5.x" });
