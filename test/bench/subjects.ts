/** The servers under test: lastcall and its peers, all with the same settings. */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { certificate, compile, compiled } from "./machine.js";
import type { ServerSpec } from "./server.js";

export const FINALS = 5;

/** No window, no stagger, no feed: what is measured is the drain's own cost, not its courtesy. */
const env = {
  HOST: "127.0.0.1",
  JOURNAL_URL: "memory:",
  ENDPOINT_REMOVAL_SECONDS: "0",
  ENDPOINT_REMOVAL_MAX_SECONDS: "0",
  DRAIN_STAGGER_SECONDS: "0",
  FEED_INTERVAL_SECONDS: "3600",
  FEED_FINAL_ITEMS: String(FINALS),
};

const node = process.execPath;
export const bundle = "dist/bin/lastcall.js";

/** lastcall as it ships. */
export function lastcall(journal = "memory:"): ServerSpec {
  if (!existsSync(bundle)) throw new Error(`${bundle} is not there: npm run build`);
  return { name: "lastcall", command: [node, bundle, "serve"], env: { ...env, JOURNAL_URL: journal } };
}

/** lastcall as tsc wrote it: one module a file. */
export function unbundled(): ServerSpec {
  return { name: "lastcall, unbundled", command: [node, "dist/src/cli.js", "serve"], env };
}

export function wsBroadcast(): ServerSpec {
  return { name: "plain `ws` with broadcast", command: [node, compiled("peers/ws-broadcast")], env };
}

export function fastifyDefaults(): ServerSpec {
  return { name: "Fastify, `app.close()`", command: [node, compiled("peers/fastify-defaults")], env };
}

export function plainC(): ServerSpec {
  return { name: "plain C", command: [compile("peers/drain")], env };
}

/** lastcall's plugin with the publisher of the fan-out benches. */
export function fanoutLastcall(name: string, { journal = "memory:", tls = false } = {}): ServerSpec {
  return {
    name,
    command: [node, compiled("peers/fanout-lastcall")],
    env: { JOURNAL_URL: journal, ...(tls ? certificate() : {}) },
  };
}

export function fanoutWs(): ServerSpec {
  return { name: "plain `ws`, `send` to each", command: [node, compiled("peers/fanout-ws")] };
}

export function fanoutSocketIo(): ServerSpec {
  return { name: "Socket.IO, `io.emit`", command: [node, compiled("peers/fanout-socketio")] };
}

export function publishWs(): ServerSpec {
  return { name: "plain `ws`", command: [node, compiled("peers/publish-ws")] };
}

export function publishSocketIo(): ServerSpec {
  return { name: "Socket.IO", command: [node, compiled("peers/publish-socketio")] };
}

/** `--clients` and `--rounds` of a bench's command line, and `--peers` to leave lastcall itself out. */
export function benchArguments(defaults: { clients: number; rounds: number }) {
  const { values } = parseArgs({
    options: { clients: { type: "string" }, rounds: { type: "string" }, peers: { type: "boolean", default: false } },
  });
  const whole = (name: string, text: string | undefined, otherwise: number) => {
    const value = text === undefined ? otherwise : Number(text);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1, got ${text}`);
    return value;
  };
  return {
    clients: whole("clients", values.clients, defaults.clients),
    rounds: whole("rounds", values.rounds, defaults.rounds),
    peersOnly: values.peers,
  };
}
