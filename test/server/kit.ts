import { once } from "node:events";
import { request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { type FastifyInstance, fastify } from "fastify";
import { systemClock } from "../../src/base/clock.js";
import type { BudgetSettings } from "../../src/drain/budget.js";
import { type LastcallOptions, lastcall } from "../../src/fastify.js";
import { MemoryJournal } from "../../src/journal/memory.js";
import { JOURNAL_DEFAULTS, type Journal, type JournalOptions } from "../../src/journal/port.js";
import type { Id } from "../../src/protocol/ids.js";
import { LogLines } from "./log-lines.js";

/** No window and no slots, so that a server without clients closes at once; the caps are for what goes wrong. */
export const QUICK: BudgetSettings = {
  timeoutMs: 20_000,
  preStopMs: 0,
  removalMs: 0,
  removalMaxMs: 0,
  finishMs: 5_000,
  staggerMs: 0,
  closeMs: 5_000,
  requestsMs: 5_000,
  releaseMs: 5_000,
  lingerMs: 0,
};

export function memory(options: Partial<JournalOptions> = {}, clock = systemClock): MemoryJournal {
  return new MemoryJournal({ ...JOURNAL_DEFAULTS, ...options }, clock);
}

/** A journal that is another one but for what `instead` does. */
export function altered(journal: Journal, instead: Partial<Journal>): Journal {
  return {
    backend: journal.backend,
    keyTtlMs: journal.keyTtlMs,
    append: (...args) => journal.append(...args),
    read: (...args) => journal.read(...args),
    head: (...args) => journal.head(...args),
    follow: (...args) => journal.follow(...args),
    check: (...args) => journal.check(...args),
    close: () => journal.close(),
    ...instead,
  };
}

export interface Host {
  readonly app: FastifyInstance;
  readonly log: LogLines;
  readonly port: number;
  /** `http://host:port` */
  readonly url: string;
  /** `ws://host:port/ws` */
  readonly ws: string;
}

/** The same, for clients that are still there when the test ends: v1's are given half of `closeMs` to go by themselves. */
export const BRIEF: BudgetSettings = { ...QUICK, closeMs: 100 };

/** A Fastify application with the plugin, not listening; closed when the test ends. */
export async function prepare(t: TestContext, options: Partial<LastcallOptions> = {}): Promise<Omit<Host, "port">> {
  const log = new LogLines();
  const app = fastify({ logger: { level: "debug", stream: log } });
  t.after(() => app.close());
  await app.register(lastcall, { journal: memory(), budget: QUICK, ...options });
  return { app, log, url: "", ws: "" };
}

/** The same, listening on a port of its own; `more` adds what the host has beside the plugin. */
export async function listen(
  t: TestContext,
  options: Partial<LastcallOptions> = {},
  more: (app: FastifyInstance) => void = () => {},
): Promise<Host> {
  const { app, log } = await prepare(t, options);
  more(app);
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { app, log, ...addressOf(app) };
}

export function addressOf(app: FastifyInstance): Pick<Host, "port" | "url" | "ws"> {
  const { port } = app.server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}/ws` };
}

/** Publishes JSON text over HTTP and gives its id. */
export async function post(url: string, data: string, stream = "main"): Promise<Id> {
  const response = await postRaw(url, data, { stream });
  const body = (await response.json()) as { id: Id };
  if (response.status !== 201) throw new Error(`${response.status} ${JSON.stringify(body)}`);
  return body.id;
}

export function postRaw(
  url: string,
  body: string | Uint8Array,
  { stream = "main", key, type = "application/json" }: { stream?: string; key?: string; type?: string } = {},
): Promise<Response> {
  const headers = { "content-type": type, ...(key === undefined ? {} : { "idempotency-key": key }) };
  return fetch(`${url}/items?stream=${encodeURIComponent(stream)}`, { method: "POST", headers, body });
}

export interface Refusal {
  readonly status: number;
  readonly body: { readonly code: string; readonly message: string; readonly [detail: string]: unknown };
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Asks for an upgrade that is to be refused, and gives the answer. */
export async function refusedUpgrade(url: string, protocols?: string): Promise<Refusal> {
  const asked = request(url.replace(/^ws/, "http"), {
    agent: false,
    headers: {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      ...(protocols === undefined ? {} : { "sec-websocket-protocol": protocols }),
    },
  });
  asked.end();
  const upgraded = new Promise<never>((_resolve, reject) => {
    asked.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error(`the upgrade of ${url} was not refused`));
    });
  });
  const [response] = await Promise.race([once(asked, "response"), upgraded]);
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(await text(response)) };
}

/** A TCP connection that sends `bytes` and nothing more. */
export async function rawConnection(t: TestContext, port: number, bytes = ""): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  // What is cut off is told by `close`.
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  await once(socket, "connect");
  socket.write(bytes);
  return socket;
}
