import assert from "node:assert/strict";
import { hostname } from "node:os";
import { describe, it } from "node:test";
import { readSettings } from "../../src/service/env.js";
import { VARIABLES } from "../../src/service/settings.js";
import { ONE, TWO, writePair } from "./certificates.js";
import { faultsOf } from "./faults.js";

const { certFile, keyFile } = writePair(ONE);

const DEFAULTS = {
  port: 8080,
  host: "0.0.0.0",
  journalUrl: "lmdb:./data",
  journal: { retentionItems: 100_000, retentionMs: 86_400_000, keyTtlMs: 120_000, maxStreams: 1_000, redisWait: 0 },
  budget: {
    timeoutMs: 50_000,
    preStopMs: 0,
    removalMs: 5_000,
    removalMaxMs: 15_000,
    finishMs: 5_000,
    staggerMs: 5_000,
    closeMs: 5_000,
    requestsMs: 10_000,
    releaseMs: 5_000,
    lingerMs: 0,
  },
  lingerScrapes: 1,
  pingIntervalMs: 25_000,
  heartbeatMs: 15_000,
  dependencyGraceMs: 15_000,
  feed: { intervalMs: 2_000 },
  textPublish: false,
  limits: { maxConnections: 0, maxPinnedBytes: 67_108_864, maxItemBytes: 65_536, slowMaxMs: 60_000 },
  logLevel: "info",
  podName: hostname(),
  terminationMessagePath: "/dev/termination-log",
  warnings: [],
};

/** Every variable with a value of its own, none of them twice and none the default: a mix-up of two cannot hide. */
const EVERYTHING = {
  PORT: "1001",
  HOST: "::1",
  ADMIN_PORT: "1002",
  TLS_CERT_FILE: certFile,
  TLS_KEY_FILE: keyFile,
  JOURNAL_URL: "MEMORY:",
  JOURNAL_RETENTION_ITEMS: "1003",
  JOURNAL_RETENTION_SECONDS: "1004",
  JOURNAL_KEY_TTL_SECONDS: "1005",
  JOURNAL_MAX_STREAMS: "1006",
  JOURNAL_REDIS_WAIT: "99",
  GRACEFUL_SHUTDOWN_TIMEOUT: "110.25",
  PRESTOP_SLEEP_SECONDS: "11",
  ENDPOINT_REMOVAL_SECONDS: "12",
  ENDPOINT_REMOVAL_MAX_SECONDS: "13",
  FINISH_TIMEOUT_SECONDS: "14",
  DRAIN_STAGGER_SECONDS: "15.5",
  CLOSE_TIMEOUT_SECONDS: "16",
  REQUESTS_TIMEOUT_SECONDS: "17",
  RELEASE_TIMEOUT_SECONDS: "18",
  METRICS_LINGER_SECONDS: "19",
  METRICS_LINGER_SCRAPES: "20",
  PING_INTERVAL_SECONDS: "21",
  HEARTBEAT_SECONDS: "21.5",
  TEXT_PUBLISH: "true",
  MAX_CONNECTIONS: "1007",
  MAX_PINNED_BYTES: "1048577",
  MAX_ITEM_BYTES: "1008",
  SLOW_MAX_SECONDS: "22",
  FEED_INTERVAL_SECONDS: "0.001",
  FEED_FINAL_ITEMS: "10",
  DEPENDENCY_GRACE_SECONDS: "23",
  LOG_LEVEL: "trace",
  POD_NAME: "lastcall-7d9f-x2x4k",
  TERMINATION_MESSAGE_PATH: "/tmp/my receipt",
  OTEL_TRACES_EXPORTER: "otlp",
  OTEL_SDK_DISABLED: "false",
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://elsewhere:4318",
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://collector/traces",
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
  OTEL_SERVICE_NAME: "stream",
  OTEL_RESOURCE_ATTRIBUTES: "team=a%2Cb,zone=c",
  OTEL_TRACES_SAMPLER: "traceidratio",
  OTEL_TRACES_SAMPLER_ARG: "0.25",
};

describe("readSettings", () => {
  it("gives the documented defaults for an empty environment", () => {
    assert.deepEqual(readSettings({}), DEFAULTS);
  });

  it("takes empty and blank variables as unset", () => {
    for (const blank of ["", " ", "\n"]) {
      assert.deepEqual(readSettings(Object.fromEntries(VARIABLES.map((variable) => [variable, blank]))), DEFAULTS);
    }
  });

  it("takes every variable to its own place", () => {
    assert.deepEqual(Object.keys(EVERYTHING).sort(), [...VARIABLES].sort());
    assert.deepEqual(readSettings(EVERYTHING), {
      port: 1001,
      host: "::1",
      adminPort: 1002,
      tls: { certFile, keyFile },
      journalUrl: "MEMORY:",
      journal: { retentionItems: 1003, retentionMs: 1_004_000, keyTtlMs: 1_005_000, maxStreams: 1006, redisWait: 99 },
      budget: {
        timeoutMs: 110_250,
        preStopMs: 11_000,
        removalMs: 12_000,
        removalMaxMs: 13_000,
        finishMs: 14_000,
        staggerMs: 15_500,
        closeMs: 16_000,
        requestsMs: 17_000,
        releaseMs: 18_000,
        lingerMs: 19_000,
      },
      lingerScrapes: 20,
      pingIntervalMs: 21_000,
      heartbeatMs: 21_500,
      dependencyGraceMs: 23_000,
      feed: { intervalMs: 1, finalItems: 10 },
      textPublish: true,
      limits: { maxConnections: 1007, maxPinnedBytes: 1_048_577, maxItemBytes: 1008, slowMaxMs: 22_000 },
      logLevel: "trace",
      podName: "lastcall-7d9f-x2x4k",
      terminationMessagePath: "/tmp/my receipt",
      tracing: {
        url: "https://collector/traces",
        serviceName: "stream",
        attributes: { team: "a,b", zone: "c" },
        sampler: "traceidratio",
        samplerRatio: 0.25,
      },
      warnings: [],
    });
  });

  it("ignores white space around a value, such as the line end of a mounted file", () => {
    assert.equal(readSettings({ PORT: " 9090\n" }).port, 9090);
  });

  it("leaves out what is optional and unset, so that its absence can be asked for", () => {
    const settings = readSettings({ FEED_FINAL_ITEMS: "random" });
    for (const key of ["adminPort", "tls", "tracing"]) assert.ok(!(key in settings), key);
    assert.ok(!("finalItems" in settings.feed));
  });
});

describe("rules between settings", () => {
  const key = { TLS_KEY_FILE: keyFile };
  const cert = { TLS_CERT_FILE: certFile };

  for (const [title, env, variable, received] of [
    ["a private key without its certificate", key, "TLS_CERT_FILE", "its default (unset)"],
    ["a certificate without its private key", cert, "TLS_KEY_FILE", "its default (unset)"],
    ["an admin port that is the port", { ADMIN_PORT: "8080" }, "ADMIN_PORT", '"8080"'],
    [
      "a longest removal below the least, even by default",
      { ENDPOINT_REMOVAL_SECONDS: "15.5" },
      "ENDPOINT_REMOVAL_MAX_SECONDS",
      "its default (15)",
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      const { faults } = faultsOf(env);
      assert.deepEqual(
        faults.map((fault) => [fault.variable, fault.received]),
        [[variable, received]],
      );
    });
  }

  it("allows what the rules leave free", () => {
    readSettings({ PORT: "0", ADMIN_PORT: "0" });
    readSettings({ ENDPOINT_REMOVAL_SECONDS: "15" });
    const skipped = readSettings({ ENDPOINT_REMOVAL_SECONDS: "20", ENDPOINT_REMOVAL_MAX_SECONDS: "0" });
    assert.equal(skipped.budget.removalMaxMs, 0);
    assert.deepEqual(readSettings({ ...key, ...cert }).tls, { certFile, keyFile });
  });

  it("judges no rule on a value that is faulty already", () => {
    const { faults } = faultsOf({ PORT: "http", ADMIN_PORT: "8080", ENDPOINT_REMOVAL_SECONDS: "x" });
    assert.deepEqual(faults.map((fault) => fault.variable).sort(), ["ENDPOINT_REMOVAL_SECONDS", "PORT"]);
  });
});

describe("what is judged beyond the text of a variable", () => {
  it("is told at once with all other faults", () => {
    const { message, faults } = faultsOf({
      PORT: "abc",
      JOURNAL_URL: "redis://me:hunter2@h/first",
      GRACEFUL_SHUTDOWN_TIMEOUT: "10",
      TLS_CERT_FILE: "/nope",
      TLS_KEY_FILE: "/nope2",
    });
    assert.deepEqual(
      faults.map(({ variable }) => variable),
      ["PORT", "JOURNAL_URL", "TLS_CERT_FILE", "TLS_KEY_FILE", "GRACEFUL_SHUTDOWN_TIMEOUT"],
    );
    const [, url, cert, key, timeout] = faults;
    assert.deepEqual(
      [url?.expected, url?.received],
      ["memory: or lmdb:<folder> or redis://host", "a database that is not a number"],
    );
    assert.doesNotMatch(message, /hunter2/);
    assert.match(cert?.received ?? "", /^ENOENT.*'\/nope'$/);
    assert.match(key?.received ?? "", /^ENOENT.*'\/nope2'$/);
    assert.deepEqual([timeout?.expected, timeout?.received], ["at least 45", '"10"']);
    const variables = [
      "ENDPOINT_REMOVAL_MAX_SECONDS - PRESTOP_SLEEP_SECONDS",
      "FINISH_TIMEOUT_SECONDS",
      "DRAIN_STAGGER_SECONDS",
      "CLOSE_TIMEOUT_SECONDS",
      "REQUESTS_TIMEOUT_SECONDS",
      "RELEASE_TIMEOUT_SECONDS",
      "METRICS_LINGER_SECONDS",
      "",
      "GRACEFUL_SHUTDOWN_TIMEOUT",
    ];
    const [title, ...sum] = message.split("\n").slice(6);
    assert.equal(title, "the drain does not fit into its budget");
    assert.deepEqual(
      sum.map((line) => line.replace(/^.*\d s {2}/, "")),
      variables,
    );
  });

  it("refuses files that are no certificate with its key, and shows nothing of them", () => {
    const other = writePair(TWO);
    const nothing = writePair({ cert: "hunter2", key: "hunter2" });
    for (const [crt, key] of [
      [certFile, other.keyFile],
      [nothing.certFile, keyFile],
      [certFile, nothing.keyFile],
    ] as const) {
      const { message, faults } = faultsOf({ TLS_CERT_FILE: crt, TLS_KEY_FILE: key });
      assert.deepEqual(
        faults.map(({ variable }) => variable),
        ["TLS_CERT_FILE"],
      );
      assert.match(faults[0]?.expected ?? "", /certificate.*TLS_KEY_FILE/);
      assert.ok(faults[0]?.received.startsWith(`${JSON.stringify(crt)} (error:`), message);
      assert.doesNotMatch(message, /hunter2|PRIVATE KEY/);
    }
  });

  it("is not judged on variables that are faulty already", () => {
    const short = { GRACEFUL_SHUTDOWN_TIMEOUT: "10" };
    for (const part of ["PRESTOP_SLEEP_SECONDS", "METRICS_LINGER_SECONDS", "ENDPOINT_REMOVAL_MAX_SECONDS"]) {
      const { faults } = faultsOf({ ...short, [part]: "x" });
      assert.deepEqual(
        faults.map(({ variable }) => variable),
        [part],
      );
    }
    for (const outside of ["ENDPOINT_REMOVAL_SECONDS", "METRICS_LINGER_SCRAPES"]) {
      const { faults } = faultsOf({ ...short, [outside]: "x" });
      assert.deepEqual(
        faults.map(({ variable }) => variable),
        [outside, "GRACEFUL_SHUTDOWN_TIMEOUT"],
        "what the sum does not have cannot spoil it",
      );
    }
    const { faults } = faultsOf({ TLS_CERT_FILE: "a\u0001b", TLS_KEY_FILE: "/nope" });
    assert.deepEqual(
      faults.map(({ variable }) => variable),
      ["TLS_CERT_FILE"],
    );
  });
});
