/**
 * lastcall's own server, with the bench's publisher in its process: the Fastify plugin as anybody would use it.
 * `PORT=8080 JOURNAL_URL=memory: node fanout-lastcall.js`
 */
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { fastify } from "fastify";
import { systemClock } from "../../../src/base/clock.js";
import { openJournal } from "../../../src/journal/open.js";
import { lastcall } from "../../../src/server/plugin.js";
import { obey } from "../pace.js";

const { JOURNAL_URL = "memory:", TLS_CERT_FILE, TLS_KEY_FILE } = process.env;
const server =
  TLS_CERT_FILE === undefined || TLS_KEY_FILE === undefined
    ? createHttpServer()
    : createHttpsServer({ cert: readFileSync(TLS_CERT_FILE), key: readFileSync(TLS_KEY_FILE) });
const app = fastify({ serverFactory: (handler) => server.on("request", handler) });
await app.register(lastcall, { journal: await openJournal(JOURNAL_URL, {}, systemClock) });
await app.listen({ port: 0, host: "127.0.0.1" });

obey(server, (items) => {
  const requests = items.map((text) => ({ stream: "main", publisher: "bench", data: JSON.stringify(text) }));
  app.lastcall.publisher.publishAll(requests).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
