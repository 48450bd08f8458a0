import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readSettings, type Settings } from "../../src/service/env.js";
import { maskUrl } from "../../src/service/kinds.js";
import { VARIABLES } from "../../src/service/settings.js";
import { ONE, writePair } from "./certificates.js";
import { faultsOf } from "./faults.js";

const { certFile, keyFile } = writePair(ONE);

/** Variable, least, greatest, where its value lands. Written out, so that a bound is not changed by accident. */
type Row = readonly [string, number, number, (settings: Settings) => number | undefined];

const INTEGERS: readonly Row[] = [
  ["PORT", 0, 65_535, (s) => s.port],
  ["ADMIN_PORT", 0, 65_535, (s) => s.adminPort],
  ["JOURNAL_RETENTION_ITEMS", 0, 1_000_000_000, (s) => s.journal.retentionItems],
  ["JOURNAL_MAX_STREAMS", 1, 1_000_000, (s) => s.journal.maxStreams],
  ["JOURNAL_REDIS_WAIT", 0, 100, (s) => s.journal.redisWait],
  ["METRICS_LINGER_SCRAPES", 1, 100, (s) => s.lingerScrapes],
  ["MAX_CONNECTIONS", 0, 1_000_000, (s) => s.limits.maxConnections],
  ["MAX_PINNED_BYTES", 1_048_576, 1_099_511_627_776, (s) => s.limits.maxPinnedBytes],
  ["MAX_ITEM_BYTES", 64, 16_777_216, (s) => s.limits.maxItemBytes],
  ["FEED_FINAL_ITEMS", 1, 10, (s) => s.feed.finalItems],
];

const SECONDS: readonly Row[] = [
  ["JOURNAL_RETENTION_SECONDS", 0, 315_360_000, (s) => s.journal.retentionMs],
  ["JOURNAL_KEY_TTL_SECONDS", 1, 86_400, (s) => s.journal.keyTtlMs],
  ["GRACEFUL_SHUTDOWN_TIMEOUT", 0.1, 3_600, (s) => s.budget.timeoutMs],
  ["PRESTOP_SLEEP_SECONDS", 0, 3_600, (s) => s.budget.preStopMs],
  ["ENDPOINT_REMOVAL_SECONDS", 0, 3_600, (s) => s.budget.removalMs],
  ["ENDPOINT_REMOVAL_MAX_SECONDS", 0, 3_600, (s) => s.budget.removalMaxMs],
  ["FINISH_TIMEOUT_SECONDS", 0, 3_600, (s) => s.budget.finishMs],
  ["DRAIN_STAGGER_SECONDS", 0, 3_600, (s) => s.budget.staggerMs],
  ["CLOSE_TIMEOUT_SECONDS", 0, 3_600, (s) => s.budget.closeMs],
  ["REQUESTS_TIMEOUT_SECONDS", 0, 3_600, (s) => s.budget.requestsMs],
  ["RELEASE_TIMEOUT_SECONDS", 0, 3_600, (s) => s.budget.releaseMs],
  ["METRICS_LINGER_SECONDS", 0, 3_600, (s) => s.budget.lingerMs],
  ["HEARTBEAT_SECONDS", 0.1, 3_600, (s) => s.heartbeatMs],
  ["PING_INTERVAL_SECONDS", 0.1, 3_600, (s) => s.pingIntervalMs],
  ["SLOW_MAX_SECONDS", 0, 3_600, (s) => s.limits.slowMaxMs],
  ["FEED_INTERVAL_SECONDS", 0, 86_400, (s) => s.feed.intervalMs],
  ["DEPENDENCY_GRACE_SECONDS", 0, 3_600, (s) => s.dependencyGraceMs],
];

const WORDS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["HOST", ["::", "127.0.0.1", "fe80::1%eth0", "my-host.example"], ["http://0.0.0.0", "a b"]],
  ["TLS_CERT_FILE", [certFile], ["a\u0001b", "certs/no such tls.crt"]],
  ["TLS_KEY_FILE", [keyFile], ["a\nb", "/certs/no such tls key.pem"]],
  [
    "JOURNAL_URL",
    [
      "memory:",
      "MEMORY:",
      "lmdb:./data",
      "lmdb:/data",
      "lmdb:///data",
      "redis://cache",
      "rediss+sentinel://me:x@a:26379,b:26379/mymaster/1",
    ],
    [
      "memory",
      "./data",
      "lmdb:",
      "lmdb://host/data",
      "lmdb:./data?x",
      "redis://:x",
      "mysql://db",
      "memory:x",
      "redis://a,b",
      "redis+cluster://a:7000,b:x",
    ],
  ],
  ["TEXT_PUBLISH", ["true", "false"], ["yes", "1", "TRUE"]],
  ["LOG_LEVEL", ["fatal", "error", "warn", "info", "debug", "trace", "silent"], ["INFO", "verbose", "30"]],
  ["POD_NAME", ["lastcall-0", "x".repeat(253)], ["two words", "x".repeat(254), "ü"]],
  ["TERMINATION_MESSAGE_PATH", ["/dev/termination-log", "receipt.json"], ["\u0000"]],
  ["OTEL_TRACES_EXPORTER", ["none", "otlp"], ["OTLP", "console", "otlp,console", "true"]],
  ["OTEL_SDK_DISABLED", ["true", "false"], ["yes", "1", "TRUE"]],
  [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    ["http://collector:4318", "https://[::1]/otlp/"],
    ["collector:4318", "grpc://c", "http:"],
  ],
  ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ["http://collector:4318/v1/traces"], ["collector", "http://a b"]],
  ["OTEL_EXPORTER_OTLP_PROTOCOL", ["http/protobuf"], ["grpc", "http/json"]],
  ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", ["http/protobuf"], ["grpc", "http/json"]],
  ["OTEL_SERVICE_NAME", ["stream", "team/stream"], ["two words", "x".repeat(254)]],
  ["OTEL_RESOURCE_ATTRIBUTES", ["a=b", " a.b = c%2Cd , e=", "a=b=c"], ["a", "=b", "a=b,", "a=%"]],
  ["OTEL_TRACES_SAMPLER", ["always_on", "parentbased_traceidratio"], ["jaeger_remote", "ALWAYS_ON"]],
  ["OTEL_TRACES_SAMPLER_ARG", ["0", "1", "0.001"], ["1.1", "-0.1", ".5", "10%"]],
];

/** What the variable needs beside it to be judged by its own bound alone. */
const BESIDE: Readonly<Record<string, Record<string, string>>> = {
  PORT: { ADMIN_PORT: "0" },
  ADMIN_PORT: { PORT: "0" },
  ENDPOINT_REMOVAL_SECONDS: { ENDPOINT_REMOVAL_MAX_SECONDS: "3600" },
  ENDPOINT_REMOVAL_MAX_SECONDS: { ENDPOINT_REMOVAL_SECONDS: "0" },
  TLS_CERT_FILE: { TLS_KEY_FILE: keyFile },
  TLS_KEY_FILE: { TLS_CERT_FILE: certFile },
  // Judged when they mean something.
  ...Object.fromEntries(
    VARIABLES.filter((variable) => variable.startsWith("OTEL_")).map((variable) => [
      variable,
      { OTEL_TRACES_EXPORTER: "otlp" },
    ]),
  ),
};

/** Whatever one part of the budget is, it fits when the others are nothing. */
const ROOM: Readonly<Record<string, string>> = {
  GRACEFUL_SHUTDOWN_TIMEOUT: "3600",
  PRESTOP_SLEEP_SECONDS: "0",
  ENDPOINT_REMOVAL_SECONDS: "0",
  ENDPOINT_REMOVAL_MAX_SECONDS: "0",
  FINISH_TIMEOUT_SECONDS: "0",
  DRAIN_STAGGER_SECONDS: "0",
  CLOSE_TIMEOUT_SECONDS: "0",
  REQUESTS_TIMEOUT_SECONDS: "0",
  RELEASE_TIMEOUT_SECONDS: "0",
  METRICS_LINGER_SECONDS: "0",
};

const env = (variable: string, value: string) => ({ ...ROOM, ...BESIDE[variable], [variable]: value });

function assertRefused(variable: string, value: string, ...bounds: readonly number[]): void {
  const { faults } = faultsOf(env(variable, value));
  assert.deepEqual(
    faults.map((fault) => fault.variable),
    [variable],
  );
  for (const bound of bounds) assert.match(faults[0]?.expected ?? "", new RegExp(`\\b${bound}\\b`));
}

describe("bounds of settings", () => {
  it("are tested for every variable", () => {
    const tested = [...INTEGERS, ...SECONDS, ...WORDS].map(([variable]) => variable);
    assert.deepEqual(tested.sort(), [...VARIABLES].sort());
  });

  for (const [variable, min, max, get] of INTEGERS) {
    it(`${variable}: integers from ${min} to ${max}`, () => {
      const inside = fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max }));
      fc.assert(fc.property(inside, (n) => assert.equal(get(readSettings(env(variable, String(n)))), n)));
      const outside = fc.oneof(
        fc.constantFrom(min - 1, max + 1),
        fc.maxSafeInteger().filter((n) => n < min || n > max),
      );
      fc.assert(fc.property(outside, (n) => assertRefused(variable, String(n), min, max)));
      for (const text of [`${min}.5`, "1e1", "0x1", "ten", "+5", "Infinity", "9".repeat(400)]) {
        assertRefused(variable, text, min, max);
      }
    });
  }

  for (const [variable, min, max, get] of SECONDS) {
    it(`${variable}: seconds from ${min} to ${max}, to the millisecond`, () => {
      const [minMs, maxMs] = [min * 1000, max * 1000];
      const inside = fc.oneof(fc.constantFrom(minMs, maxMs), fc.integer({ min: minMs, max: maxMs }));
      fc.assert(fc.property(inside, (ms) => assert.equal(get(readSettings(env(variable, decimal(ms)))), ms)));
      const above = fc.oneof(fc.constant(maxMs + 1), fc.integer({ min: maxMs + 1, max: 2 ** 40 }));
      fc.assert(fc.property(above, (ms) => assertRefused(variable, decimal(ms), min, max)));
      if (min > 0) assertRefused(variable, decimal(minMs - 1), min, max);
      for (const text of ["-1", "2.0001", "5s", "5 min", "1e1", ".5", "1.", "1,5", "Infinity", "9".repeat(400)]) {
        assertRefused(variable, text, min, max);
      }
    });
  }

  for (const [variable, accepted, refused] of WORDS) {
    it(`${variable}: ${accepted.map((text) => text.slice(0, 40)).join(", ")}`, () => {
      for (const text of accepted) assert.doesNotThrow(() => readSettings(env(variable, text)), text);
      for (const text of refused) assertRefused(variable, text);
    });
  }
});

/** Milliseconds as seconds, in digits; `ms / 1000` would show large values with an exponent. */
function decimal(ms: number): string {
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}`;
}

describe("fault messages", () => {
  it("tell all faults at once, each on its line with what was expected and received", () => {
    // What turns tracing on: without it, what is said about tracing is nobody's fault.
    const faulty = VARIABLES.filter((variable) => variable !== "OTEL_TRACES_EXPORTER");
    const all = Object.fromEntries(faulty.map((variable) => [variable, "\u0007 nothing takes this"]));
    const { message, faults } = faultsOf({ ...all, OTEL_TRACES_EXPORTER: "otlp" });
    assert.deepEqual(faults.map((fault) => fault.variable).sort(), faulty.sort());
    assert.match(message, new RegExp(`^${faulty.length} settings are not valid:\n`));
    assert.match(message, /^ {2}LOG_LEVEL: expected one of fatal, .+, got "\\u0007 nothing takes this"$/m);
  });

  it("say what is likely to be wrong", () => {
    assert.match(faultsOf({ ADMIN_PORT: "tcp://10.96.7.1:80" }).message, /enableServiceLinks: false/);
    assert.match(faultsOf({ CLOSE_TIMEOUT_SECONDS: "500ms" }).message, /a number without its unit/);
    assert.match(faultsOf({ CLOSE_TIMEOUT_SECONDS: "0.0001" }).message, /three decimals at most/);
  });

  it("shorten what is long", () => {
    assert.ok(faultsOf({ LOG_LEVEL: "x".repeat(10_000) }).message.length < 300);
  });

  it("never show a journal's password", () => {
    for (const url of [
      "redis://:hunter2",
      "redis//me:hunter2@cache",
      "redis://me:hunter2@cache:port",
      "hunter2 ",
      "redis://me:hunter2@cache/0?password=hunter2",
      "hunter2:hunter2@cache",
      "memory:hunter2",
    ]) {
      assert.doesNotMatch(faultsOf({ JOURNAL_URL: url }).message, /hunter2/);
    }
  });
});

describe("maskUrl", () => {
  for (const [url, masked] of [
    ["memory:", "memory:"],
    ["lmdb:./data", "lmdb:./data"],
    ["redis://cache:6379/0", "redis://cache:6379/0"],
    ["rediss://me:hunter2@cache:6380/0", "rediss://***@cache:6380/0"],
    ["redis://hunter2@cache", "redis://***@cache"],
    ["redis://me:hun@ter2@cache", "redis://***@cache"],
    ["redis://cache/0?password=hunter2", "redis://cache/0?***"],
    ["redis://cache:port/hunter2", "redis://***"],
    ["redis+cluster://me:hunter2@a:7000,b:7001", "redis+cluster://***@a:7000,b:7001"],
    ["redis://me:hunter,2@a:7000,b:7001", "redis://***@a:7000,b:7001"],
    ["hunter2", "***"],
  ] as const) {
    it(`${url} is shown as ${masked}`, () => assert.equal(maskUrl(url), masked));
  }
});
