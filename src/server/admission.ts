import type { FastifyInstance } from "fastify";
import { LastcallError } from "../base/errors.js";
import type { Core } from "./core.js";
import { RETRY_AFTER_SECONDS } from "./errors.js";
import { sendComeBack } from "./routes-events.js";
import { isWebSocketUpgrade } from "./upgrades.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Served whatever the state of the process; not counted as somebody's arrival. */
    probe?: boolean;
    /** Answers with events that go on: whoever cannot be served is told, in these, when to come back. */
    events?: boolean;
    /** Takes WebSocket upgrades; set by itself. */
    upgradable?: boolean;
  }
}

/** Decides, for every request, whether it is served; and says `Connection: close` once the drain has begun. */
export function installAdmission(fastify: FastifyInstance, core: Core): void {
  // A route that takes none would be upgraded all the same, and closed without a code.
  fastify.addHook("onRoute", (route) => {
    if (route.websocket || route.wsHandler !== undefined) route.config = { ...route.config, upgradable: true };
  });

  // With callbacks: what promises leave behind is felt when ten thousand clients connect at once.
  fastify.addHook("onRequest", (request, reply, done) => {
    const { probe, upgradable, events = false } = request.routeOptions.config;
    const upgrade = isWebSocketUpgrade(request.raw);
    if (upgrade && !upgradable && !request.is404) {
      return done(new LastcallError("invalid_request", `${request.routeOptions.url} takes no upgrade`));
    }
    if (probe) return done();
    const { socket } = request.raw;
    core.arrived(socket);
    const refusal = core.refusal(socket, upgrade || events);
    if (refusal !== undefined && events) {
      sendComeBack(core, reply);
      return;
    }
    // Here, too, for a host's own routes, whose errors our `answer` does not see.
    if (refusal !== undefined) reply.header("retry-after", RETRY_AFTER_SECONDS);
    else if (!upgrade && !events) core.sockets.track(reply.raw);
    done(refusal);
  });
  // An upgrade that is answered like a request was refused, whoever refused it.
  fastify.addHook("onSend", (request, _reply, payload, done) => {
    if (isWebSocketUpgrade(request.raw)) core.countAdmission("refused");
    done(null, payload);
  });
  installGoodbye(fastify, core);
}

/** Once the drain has begun, every response says `Connection: close`. */
export function installGoodbye(fastify: FastifyInstance, core: Core): void {
  fastify.addHook("onSend", (_request, reply, payload, done) => {
    if (core.draining) reply.header("connection", "close");
    done(null, payload);
  });
}
