import { truncateSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../base/clock.js";
import type { Cause, Receipt } from "../drain/events.js";
import { shown } from "../drain/receipt.js";
import { type App, buildApp } from "./app.js";
import type { Edge } from "./edge.js";
import { readSettings, type Settings } from "./env.js";
import { createLog, type ServiceLog } from "./logger.js";
import type { Tracing } from "./tracing.js";
import { REVISION, VERSION } from "./version.js";

/** What a second signal leaves for the log, ms. */
const LAST_WORDS_MS = 200;

/**
 * Runs the service in this process until the edge hears a signal.
 * @throws LastcallError `invalid_settings`, `journal_unavailable`; what listening throws
 */
export async function serve(edge: Edge, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const settings = readSettings(env);
  let tracing: Tracing | undefined;
  const mixin = settings.tracing && (() => tracing?.logFields() ?? {});
  const service = createLog(settings.logLevel, settings.podName, VERSION, mixin);
  const { log } = service;
  for (const warning of settings.warnings) log.warn({ warning }, "Settings");
  if (settings.tracing !== undefined) {
    const { startTracing } = await import("./tracing.js");
    tracing = startTracing(settings.tracing, { log, clock: systemClock, version: VERSION, pod: settings.podName });
  }
  const app = await buildApp(settings, service, { version: VERSION, revision: REVISION }, systemClock, tracing);
  edge.handle({
    begin: (cause) => end(app, settings, service, tracing, cause),
    note: (what) => {
      if ("error" in what) app.core.drain.record(what.error);
      else log.warn({ signal: what.signal }, "Signal during the shutdown");
    },
    abandon: async (signal) => {
      log.warn({ signal }, "Second signal: the process ends at once");
      await service.flush(LAST_WORDS_MS);
    },
  });
  // A signal that came while all this was loaded is heard now, before anybody can have been sent here: between two
  // immediates the event loop polls, whatever phase it was in.
  await setImmediate();
  await setImmediate();
  await app.admin?.listen({
    host: settings.host,
    port: settings.adminPort ?? 0,
    listenTextResolver: () => "Admin port open",
  });
  await app.server.listen({ host: settings.host, port: settings.port, listenTextResolver: () => "Port open" });
  await app.core.readiness.listening();
  app.feed.start();
  const { journal, revision } = app.core.options;
  log.info(
    { url: urlOf(app, settings), admin: app.admin && portOf(app.admin), journal: journal.backend, revision },
    "Server started",
  );
}

/** Before its first ready a process has nothing to drain. */
async function end(
  app: App,
  settings: Settings,
  service: ServiceLog,
  tracing: Tracing | undefined,
  cause: Cause,
): Promise<number> {
  if (!app.core.readiness.wasReady) {
    if (cause.type === "error") service.log.fatal({ err: cause.error }, "An error ended it before it was ready");
    else service.log.info({}, "Ended before it was ready: nothing to drain");
    await service.flush();
    return cause.type === "error" ? 1 : 0;
  }
  if (cause.type === "error") service.log.error({ err: cause.error }, "Uncaught error: the shutdown begins");
  const receipt = await app.core.drain.start(cause);
  leaveMessage(settings.terminationMessagePath, shown(receipt));
  // The drain's own span is over only now. A collector that is away costs what is left of the budget at most.
  await tracing?.close(Math.min(receipt.budgetLeftMs, settings.budget.releaseMs));
  await service.flush();
  return receipt.exitCode;
}

/** What `kubectl describe pod` shows of a container that ended; only where the platform has put the file. */
function leaveMessage(path: string, receipt: Receipt): void {
  try {
    // `r+` makes no file; what an earlier run left in it goes first.
    truncateSync(path);
    writeFileSync(path, JSON.stringify(receipt), { flag: "r+" });
  } catch {
    // Outside of a pod there is none.
  }
}

function portOf(server: App["server"]): number {
  return (server.server.address() as AddressInfo).port;
}

function urlOf({ server }: App, { host, tls }: Settings): string {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `${tls === undefined ? "http" : "https"}://${name}:${portOf(server)}`;
}
