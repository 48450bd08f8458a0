import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSettings } from "../../src/service/env.js";
import { VARIABLES } from "../../src/service/settings.js";

const warningsFor = (name: string) => readSettings({ [name]: "secret" }).warnings;

describe("misspelt settings", () => {
  for (const [name, meant] of [
    ["FEED_INTERVALL_SECONDS", "FEED_INTERVAL_SECONDS"],
    ["GRACEFULL_SHUTDOWN_TIMEOUT", "GRACEFUL_SHUTDOWN_TIMEOUT"],
    ["GRACEFUL_SHUTDOWN_TIMEOUT_SECONDS", "GRACEFUL_SHUTDOWN_TIMEOUT"],
    ["GRACEFUL_SHUTDWON_TIMEOUT", "GRACEFUL_SHUTDOWN_TIMEOUT"],
    ["METRICS_LINGER", "METRICS_LINGER_SECONDS"],
    ["METRICS_LINGER_SCRAPE", "METRICS_LINGER_SCRAPES"],
    ["JOURNAL_KEY_TTL_MS", "JOURNAL_KEY_TTL_SECONDS"],
    ["MAX_CONNECTION", "MAX_CONNECTIONS"],
    ["log_level", "LOG_LEVEL"],
    ["OTEL_TRACE_EXPORTER", "OTEL_TRACES_EXPORTER"],
    ["OTEL_TRACES_SAMPLER_ARGS", "OTEL_TRACES_SAMPLER_ARG"],
  ] as const) {
    it(`${name} is taken for ${meant}, with a warning and no error`, () => {
      assert.deepEqual(warningsFor(name), [`${name} is not a setting; did you mean ${meant}?`]);
    });
  }

  for (const name of [
    // What a pod or a shell has anyway, a Service link among them.
    ...["PATH", "HOME", "HOSTNAME", "LANG", "TERM", "NODE_ENV", "NODE_OPTIONS", "POD_IP", "POD_NAMESPACE", "PORTS"],
    ...["JOURNAL_PORT", "JOURNAL_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "LOG_FORMAT", "TLS_CA_FILE", "BLOG_LEVEL"],
    // The standard's other variables.
    ...["OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_PROPAGATORS", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"],
    ...["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"],
  ]) {
    it(`${name} is nobody's mistake`, () => assert.deepEqual(warningsFor(name), []));
  }

  it("are told only of names that are no settings", () => {
    const blank = Object.fromEntries(VARIABLES.map((variable) => [variable, ""]));
    assert.deepEqual(readSettings(blank).warnings, []);
  });
});
