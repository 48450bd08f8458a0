import type { Clock } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import { lmdbFault } from "./lmdb-folder.js";
import { JOURNAL_DEFAULTS, type Journal, type JournalOptions } from "./port.js";
import { parseRedisUrl, REDIS_SCHEMES } from "./redis-url.js";

interface Backend {
  /** What its URLs look like. */
  readonly form: string;
  /** What is wrong with a URL of its scheme, in words that repeat nothing of it. */
  readonly fault: (url: string) => string | undefined;
  readonly open: (url: string, options: JournalOptions, clock: Clock) => Promise<Journal>;
}

const MEMORY: Backend = {
  form: "memory:",
  fault: (url) => (url.length > "memory:".length ? "memory: with something after the colon" : undefined),
  async open(_url, options, clock) {
    const { MemoryJournal } = await import("./memory.js");
    return new MemoryJournal(options, clock);
  },
};

const LMDB: Backend = {
  form: "lmdb:<folder>",
  fault: lmdbFault,
  async open(url, options, clock) {
    const { openLmdb } = await import("./lmdb.js");
    return openLmdb(url, options, clock);
  },
};

const REDIS: Backend = {
  form: "redis://host",
  fault(url) {
    const parsed = parseRedisUrl(url);
    return parsed.type === "fault" ? parsed.received : undefined;
  },
  async open(url, options, clock) {
    const { openRedis } = await import("./redis.js");
    const parsed = parseRedisUrl(url);
    if (parsed.type === "fault") throw new LastcallError("invalid_settings", `journal URL: got ${parsed.received}`);
    return openRedis(parsed.url, options, clock);
  },
};

/** The backends by their URL's scheme; each is loaded only when its URL asks for it. */
const BACKENDS: ReadonlyMap<string, Backend> = new Map([
  ["memory", MEMORY],
  ["lmdb", LMDB],
  ...REDIS_SCHEMES.map((scheme) => [scheme, REDIS] as const),
]);

/** A scheme (RFC 3986 section 3.1) whose rest cannot be `password@host`: then what looks like one is a user's name. */
const SCHEME = /^([a-z][a-z0-9+.-]{0,31}):(?:\/\/|[^@]*$)/i;

const LEAST: Readonly<Record<keyof JournalOptions, number>> = {
  retentionItems: 0,
  retentionMs: 0,
  keyTtlMs: 1,
  maxStreams: 1,
  redisWait: 0,
};

/**
 * Opens the journal that `url` names: `memory:`, `lmdb:<folder>`, or Redis (src/journal/redis-url.ts has its forms).
 * Options left out have `JOURNAL_DEFAULTS`. Rejects with `invalid_settings` when no backend takes the URL, or when an
 * option is not a whole number in its range.
 */
export async function openJournal(url: string, options: Partial<JournalOptions>, clock: Clock): Promise<Journal> {
  const settings = { ...JOURNAL_DEFAULTS, ...options };
  checkOptions(settings);
  return backendOf(url).open(url, settings, clock);
}

/**
 * Judges a journal's URL without opening anything. A refusal repeats no more of it than the scheme (a URL may hold a
 * password).
 *
 * @throws LastcallError `invalid_settings`, with `expected` and `received` in its detail
 */
export function checkJournalUrl(url: string): void {
  backendOf(url);
}

function backendOf(url: string): Backend {
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase();
  const backend = BACKENDS.get(scheme ?? "");
  const otherwise = scheme === undefined ? "a URL with no scheme" : `a URL of the scheme ${scheme}:`;
  const received = backend === undefined ? otherwise : backend.fault(url);
  if (backend !== undefined && received === undefined) return backend;
  const expected = [...new Set(BACKENDS.values())].map(({ form }) => form).join(" or ");
  throw new LastcallError("invalid_settings", `journal URL: expected ${expected}, got ${received}`, {
    detail: { expected, received },
  });
}

function checkOptions(options: JournalOptions): void {
  const faults: string[] = [];
  for (const name of ["retentionItems", "retentionMs", "keyTtlMs", "maxStreams", "redisWait"] as const) {
    if (Number.isSafeInteger(options[name]) && options[name] >= LEAST[name]) continue;
    faults.push(`${name} must be a whole number of at least ${LEAST[name]}, got ${options[name]}`);
  }
  if (faults.length > 0) throw new LastcallError("invalid_settings", faults.join("; "));
}
