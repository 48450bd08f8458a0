import { BUDGET_DEFAULTS, type BudgetSettings } from "../drain/budget.js";
import { JOURNAL_DEFAULTS } from "../journal/port.js";
import { MAX_PINNED_BYTES } from "../stream/stalls.js";
import { boolean, choice, host, integer, name, optional, orWord, path, port, seconds, url } from "./kinds.js";
import { type Described, setting } from "./setting.js";
import { tracing } from "./tracing-settings.js";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** An hour at most: whoever writes milliseconds where seconds are meant is told. */
const drainTime = seconds(0, 3_600);

const listening = {
  port: setting("PORT", port, 8080, "Port of the service; 0 takes a free one"),
  host: setting("HOST", host, "0.0.0.0", "Address to listen on; :: listens on IPv6 and IPv4"),
  adminPort: setting(
    "ADMIN_PORT",
    optional(port, "unset"),
    undefined,
    "Serves /health, /ready and /metrics on a port of their own; 0 takes a free one",
  ),
  tlsCertFile: setting(
    "TLS_CERT_FILE",
    optional(path, "unset"),
    undefined,
    "Certificate chain (PEM); with TLS_KEY_FILE the service speaks HTTPS and WSS",
  ),
  tlsKeyFile: setting("TLS_KEY_FILE", optional(path, "unset"), undefined, "Private key (PEM) of TLS_CERT_FILE"),
};

const journal = {
  journalUrl: setting(
    "JOURNAL_URL",
    url,
    "lmdb:./data",
    "Where items are kept: lmdb:<folder>, redis://host, or memory:, which loses them with the process",
  ),
  retentionItems: setting(
    "JOURNAL_RETENTION_ITEMS",
    integer(0, 1_000_000_000),
    JOURNAL_DEFAULTS.retentionItems,
    "Items kept in a stream; the oldest go first; 0 keeps all",
  ),
  retention: setting(
    "JOURNAL_RETENTION_SECONDS",
    seconds(0, 315_360_000),
    JOURNAL_DEFAULTS.retentionMs,
    "Age beyond which items are trimmed; 0 keeps all",
  ),
  keyTtl: setting(
    "JOURNAL_KEY_TTL_SECONDS",
    seconds(1, 86_400),
    JOURNAL_DEFAULTS.keyTtlMs,
    "How long an idempotency key is promised to be known; it is kept twice as long",
  ),
  maxStreams: setting(
    "JOURNAL_MAX_STREAMS",
    integer(1, 1_000_000),
    JOURNAL_DEFAULTS.maxStreams,
    "Streams that may exist",
  ),
  redisWait: setting(
    "JOURNAL_REDIS_WAIT",
    integer(0, 100),
    JOURNAL_DEFAULTS.redisWait,
    "Replicas of Redis that must have an item before it is acknowledged",
  ),
};

/** The parts of the budget by the names of its options. */
const drain = {
  timeoutMs: setting(
    "GRACEFUL_SHUTDOWN_TIMEOUT",
    seconds(0.1, 3_600),
    BUDGET_DEFAULTS.timeoutMs,
    "From SIGTERM to exit, at most; the phases below must fit into it",
  ),
  preStopMs: setting(
    "PRESTOP_SLEEP_SECONDS",
    drainTime,
    BUDGET_DEFAULTS.preStopMs,
    "What the pod's preStop sleep has waited before SIGTERM; it counts towards the removal",
  ),
  removalMs: setting(
    "ENDPOINT_REMOVAL_SECONDS",
    drainTime,
    BUDGET_DEFAULTS.removalMs,
    "Time the cluster needs at least to stop sending newcomers here",
  ),
  removalMaxMs: setting(
    "ENDPOINT_REMOVAL_MAX_SECONDS",
    drainTime,
    BUDGET_DEFAULTS.removalMaxMs,
    "Time it may need while newcomers still arrive; 0 skips the window",
  ),
  finishMs: setting("FINISH_TIMEOUT_SECONDS", drainTime, BUDGET_DEFAULTS.finishMs, "For the last items of the source"),
  staggerMs: setting(
    "DRAIN_STAGGER_SECONDS",
    drainTime,
    BUDGET_DEFAULTS.staggerMs,
    "Time over which clients are spread as they leave",
  ),
  closeMs: setting(
    "CLOSE_TIMEOUT_SECONDS",
    drainTime,
    BUDGET_DEFAULTS.closeMs,
    "For a client to take what is left for it and to answer the close",
  ),
  requestsMs: setting("REQUESTS_TIMEOUT_SECONDS", drainTime, BUDGET_DEFAULTS.requestsMs, "For HTTP requests in flight"),
  releaseMs: setting(
    "RELEASE_TIMEOUT_SECONDS",
    drainTime,
    BUDGET_DEFAULTS.releaseMs,
    "For accepted items to reach the journal, and for the journal to close",
  ),
  lingerMs: setting(
    "METRICS_LINGER_SECONDS",
    drainTime,
    BUDGET_DEFAULTS.lingerMs,
    "How long /metrics stays up for the drain's figures to be scraped; 0 does not wait",
  ),
  lingerScrapes: setting("METRICS_LINGER_SCRAPES", integer(1, 100), 1, "Scrapes that end that wait early"),
};

const clients = {
  pingInterval: setting(
    "PING_INTERVAL_SECONDS",
    seconds(0.1, 3_600),
    25_000,
    "Between WebSocket pings; a client that has vanished is ended within twice that",
  ),
  heartbeat: setting(
    "HEARTBEAT_SECONDS",
    seconds(0.1, 3_600),
    15_000,
    "Silence after which lastcall.v1 and SSE clients are told that all is well",
  ),
  textPublish: setting("TEXT_PUBLISH", boolean, false, "Publishes what text clients send, instead of only logging it"),
  maxConnections: setting("MAX_CONNECTIONS", integer(0, 1_000_000), 0, "Connections open at a time; 0 sets no limit"),
  maxPinnedBytes: setting(
    "MAX_PINNED_BYTES",
    integer(1_048_576, 1_099_511_627_776),
    MAX_PINNED_BYTES,
    "Memory held for clients who do not read, in bytes; beyond it the longest-stalled are closed",
  ),
  maxItemBytes: setting("MAX_ITEM_BYTES", integer(64, 16_777_216), 65_536, "Largest item, in bytes of JSON"),
  slowMax: setting("SLOW_MAX_SECONDS", drainTime, 60_000, "Longest answer that GET /slow may be asked for"),
};

const feed = {
  feedInterval: setting(
    "FEED_INTERVAL_SECONDS",
    seconds(0, 86_400),
    2_000,
    "Between items of the built-in feed; 0 turns it off",
  ),
  feedFinalItems: setting(
    "FEED_FINAL_ITEMS",
    orWord("random", integer(1, 10)),
    undefined,
    "Last items the feed publishes when the process drains",
  ),
};

const operation = {
  dependencyGrace: setting(
    "DEPENDENCY_GRACE_SECONDS",
    drainTime,
    15_000,
    "How long a lost dependency may stay away before /ready says so",
  ),
  logLevel: setting("LOG_LEVEL", choice(LOG_LEVELS), "info", "Least level that is logged"),
  podName: setting("POD_NAME", optional(name, "the host name"), undefined, "What the server calls itself"),
  terminationMessagePath: setting(
    "TERMINATION_MESSAGE_PATH",
    path,
    "/dev/termination-log",
    "File that gets the drain's receipt, if it is there and can be written",
  ),
};

/** Every setting by the name the code uses. */
export const SETTINGS = { ...listening, ...journal, ...drain, ...clients, ...feed, ...operation, ...tracing };

/** The same settings as help and README show them. */
export const GROUPS: readonly { readonly title: string; readonly settings: readonly Described[] }[] = [
  { title: "Listening", settings: Object.values(listening) },
  { title: "Journal", settings: Object.values(journal) },
  { title: "Drain", settings: Object.values(drain) },
  { title: "Clients and limits", settings: Object.values(clients) },
  { title: "Feed", settings: Object.values(feed) },
  { title: "Operation", settings: Object.values(operation) },
  { title: "Tracing", settings: Object.values(tracing) },
];

/** The variable that sets a part of the budget. */
export function variableOf(option: keyof BudgetSettings): string {
  return SETTINGS[option].variable;
}

/** Those the sum of the budget is made of. */
export const SUMMED: readonly Described[] = Object.values(drain).filter(
  (one) => one !== drain.removalMs && one !== drain.lingerScrapes,
);

export const VARIABLES: readonly string[] = Object.values(SETTINGS).map(({ variable }) => variable);
