import { createServer as createHttpsServer } from "node:https";
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from "fastify";
import type { Clock } from "../base/clock.js";
import type { Closable } from "../drain/ports.js";
import { openJournal } from "../journal/open.js";
import { installGoodbye } from "../server/admission.js";
import type { Core } from "../server/core.js";
import { answer, installErrors, installNotFound, rejectUnreadable, toLastcallError } from "../server/errors.js";
import type { LastcallOptions } from "../server/options.js";
import { lastcall } from "../server/plugin.js";
import { probeRoutes } from "../server/routes-probes.js";
import type { Settings } from "./env.js";
import { DemoFeed } from "./feed.js";
import type { ServiceLog } from "./logger.js";
import { installOpenApi } from "./openapi.js";
import { followCertificate, readCertificate } from "./tls.js";
import type { Tracing } from "./tracing.js";

/** The whole service, not listening yet. */
export interface App {
  readonly server: FastifyInstance;
  /** Health, ready and metrics, when they have a port of their own. */
  readonly admin: FastifyInstance | undefined;
  readonly core: Core;
  readonly feed: DemoFeed;
}

/** What runs: the package's version, and the commit it was built from. */
export interface Build {
  readonly version: string;
  readonly revision: string;
}

/** @throws LastcallError `invalid_settings`, `journal_unavailable` */
export async function buildApp(
  settings: Settings,
  { log }: ServiceLog,
  build: Build,
  clock: Clock,
  tracing?: Tracing,
): Promise<App> {
  const journal = await openJournal(settings.journalUrl, settings.journal, clock);
  const closables: Closable[] = [];
  const server = createServer(settings, log, closables);
  const feed: { current?: DemoFeed } = {};
  const options: LastcallOptions = {
    journal: tracing?.journal(journal) ?? journal,
    ...build,
    clock,
    closables,
    budget: settings.budget,
    source: (publisher) =>
      (feed.current = new DemoFeed(publisher, { clock, log, random: Math.random, ...settings.feed })),
    name: settings.podName,
    pingIntervalMs: settings.pingIntervalMs,
    heartbeatMs: settings.heartbeatMs,
    dependencyGraceMs: settings.dependencyGraceMs,
    lingerScrapes: settings.lingerScrapes,
    maxConnections: settings.limits.maxConnections,
    maxPinnedBytes: settings.limits.maxPinnedBytes,
    maxItemBytes: settings.limits.maxItemBytes,
    slowMaxMs: settings.limits.slowMaxMs,
    textPublish: settings.textPublish,
    probes: settings.adminPort === undefined,
  };
  installErrors(server);
  installNotFound(server);
  if (tracing !== undefined) await server.register(tracing.requests);
  await installOpenApi(server, build.version);
  await server.register(lastcall, options);
  await server.ready();
  const core = server.lastcall;
  tracing?.follow(core.drain);
  if (feed.current === undefined) throw new Error("the plugin made no source");
  return {
    server,
    admin: settings.adminPort === undefined ? undefined : createAdmin(log, core),
    core,
    feed: feed.current,
  };
}

function createServer(settings: Settings, log: FastifyBaseLogger, closables: Closable[]): FastifyInstance {
  const { tls } = settings;
  const options = {
    loggerInstance: log,
    logController: quiet(),
    // A logger of its own for every request would cost more than the request does.
    childLoggerFactory: () => log,
    forceCloseConnections: "idle",
    // Our own schemas, all under test: checking them against JSON Schema's schema costs a tenth of the start.
    ajv: { customOptions: { validateSchema: false, meta: false } },
    clientErrorHandler: rejectUnreadable,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      void answer(toLastcallError(error), request, reply);
    },
  } as const;
  if (tls === undefined) return fastify(options);
  const https = createHttpsServer(readCertificate(tls));
  closables.push({ name: "certificate", close: followCertificate(tls, https, log) });
  return fastify({ ...options, serverFactory: (handler) => https.on("request", handler) });
}

function createAdmin(log: FastifyBaseLogger, core: Core): FastifyInstance {
  const admin = fastify({ loggerInstance: log, logController: quiet() });
  installErrors(admin);
  installNotFound(admin);
  installGoodbye(admin, core);
  probeRoutes(admin, core);
  return admin;
}

/** No lines for each request: probes and scrapes would bury the rest. What fails is logged where it fails. */
function quiet(): LogController {
  return new LogController({ disableRequestLogging: true });
}
