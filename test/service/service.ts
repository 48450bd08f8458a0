import type { TestContext } from "node:test";
import { pino } from "pino";
import { systemClock } from "../../src/base/clock.js";
import { type App, buildApp } from "../../src/service/app.js";
import { readSettings } from "../../src/service/env.js";
import { addressOf, type Host } from "../server/kit.js";
import { LogLines } from "../server/log-lines.js";

/** No window, no slots, no feed: a service that ends at once. */
const QUICK = {
  JOURNAL_URL: "memory:",
  HOST: "127.0.0.1",
  PORT: "0",
  ENDPOINT_REMOVAL_SECONDS: "0",
  ENDPOINT_REMOVAL_MAX_SECONDS: "0",
  DRAIN_STAGGER_SECONDS: "0",
  FEED_INTERVAL_SECONDS: "0",
};

export interface Service extends Host {
  readonly service: App;
}

/** The whole service, built from an environment and closed at the end of the test. */
export async function build(t: TestContext, env: Record<string, string> = {}) {
  const log = new LogLines();
  const serviceLog = { log: pino({ level: "debug" }, log), flush: async () => {} };
  const service = await buildApp(
    readSettings({ ...QUICK, ...env }),
    serviceLog,
    { version: "1.2.3", revision: "abc" },
    systemClock,
  );
  t.after(async () => {
    await service.server.close();
    await service.admin?.close();
  });
  return { service, log };
}

/** The same, listening. */
export async function start(t: TestContext, env: Record<string, string> = {}): Promise<Service> {
  const { service, log } = await build(t, env);
  await service.admin?.listen({ host: "127.0.0.1", port: 0 });
  await service.server.listen({ host: "127.0.0.1", port: 0 });
  service.feed.start();
  return { service, app: service.server, log, ...addressOf(service.server) };
}
