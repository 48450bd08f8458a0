import { hostname } from "node:os";
import { type Clock, systemClock } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import { BUDGET_DEFAULTS, type BudgetSettings, checkBudget } from "../drain/budget.js";
import type { Closable, Source } from "../drain/ports.js";
import type { Journal } from "../journal/port.js";
import { SEGMENT_BYTES } from "../stream/frame-log.js";
import { MAX_PINNED_BYTES } from "../stream/stalls.js";
import type { Publisher } from "./publisher.js";

/** What the Fastify plugin takes. Times in ms, sizes in bytes. */
export interface LastcallOptions {
  /** Where items are kept. The plugin closes it at the end of the drain. */
  readonly journal: Journal;
  /** The drain's time. Default: the service's own (see `BUDGET_DEFAULTS`). */
  readonly budget?: Partial<BudgetSettings>;
  /** Whoever produces items of its own; made with the publisher it is to use. Default: nobody. */
  readonly source?: (publisher: Publisher) => Source;
  /** What else is to be closed at the end of the drain, in this order, before the journal. */
  readonly closables?: readonly Closable[];
  /** What the server calls itself. Default: the package's version. */
  readonly version?: string;
  /** What the server was built from, for the figures. Default `unknown`. */
  readonly revision?: string;
  /** What the server calls itself towards clients. Default: the host's name. */
  readonly name?: string;
  /** Between two pings of a client; one that has vanished is noticed within twice that. Default 25,000. */
  readonly pingIntervalMs?: number;
  /** Silence after which `lastcall.v1` and SSE clients are told that all is well. Default 15,000. */
  readonly heartbeatMs?: number;
  /** How long a dependency lost after the first ready is overlooked. Default 15,000. */
  readonly dependencyGraceMs?: number;
  /** Scrapes that must have seen the drain's figures. Default 1. */
  readonly lingerScrapes?: number;
  /** Clients at a time; 0 is no limit. Default 0. */
  readonly maxConnections?: number;
  /** Memory that clients who do not read may hold together, bytes; beyond it the longest-stalled are closed. Default 64 MiB. */
  readonly maxPinnedBytes?: number;
  /** Largest item, and largest frame from a client. Default 65,536. */
  readonly maxItemBytes?: number;
  /** Whether what text clients send is published. Default false: it is counted and logged. */
  readonly textPublish?: boolean;
  /** Longest answer of `GET /slow`; 0 leaves the route out. Default 0. */
  readonly slowMaxMs?: number;
  /** Serve health, ready and metrics here. Default true. */
  readonly probes?: boolean;
  /** Default: the host's clock. */
  readonly clock?: Clock;
}

export type ResolvedOptions = Required<Omit<LastcallOptions, "budget" | "source">> & {
  readonly budget: BudgetSettings;
  readonly source: LastcallOptions["source"];
};

/** @throws LastcallError `invalid_settings`: the option, its bound and what was given */
export function resolveOptions(options: LastcallOptions, version: string): ResolvedOptions {
  // Not a spread of what was given: an option that is there and undefined would beat its default.
  const resolved: ResolvedOptions = {
    journal: options.journal,
    version: options.version ?? version,
    revision: options.revision ?? "unknown",
    source: options.source,
    closables: options.closables ?? [],
    budget: { ...BUDGET_DEFAULTS, ...options.budget },
    name: options.name ?? hostname(),
    pingIntervalMs: options.pingIntervalMs ?? 25_000,
    heartbeatMs: options.heartbeatMs ?? 15_000,
    dependencyGraceMs: options.dependencyGraceMs ?? 15_000,
    lingerScrapes: options.lingerScrapes ?? 1,
    maxConnections: options.maxConnections ?? 0,
    maxPinnedBytes: options.maxPinnedBytes ?? MAX_PINNED_BYTES,
    maxItemBytes: options.maxItemBytes ?? 65_536,
    textPublish: options.textPublish ?? false,
    slowMaxMs: options.slowMaxMs ?? 0,
    probes: options.probes ?? true,
    clock: options.clock ?? systemClock,
  };
  if (typeof options.journal?.append !== "function") {
    throw new LastcallError("invalid_settings", `journal: expected a journal, got ${typeof options.journal}`);
  }
  for (const [part, ms] of Object.entries(resolved.budget)) atLeast(`budget.${part}`, ms, 0);
  atLeast("pingIntervalMs", resolved.pingIntervalMs, 1);
  atLeast("heartbeatMs", resolved.heartbeatMs, 1);
  atLeast("dependencyGraceMs", resolved.dependencyGraceMs, 0);
  atLeast("lingerScrapes", resolved.lingerScrapes, 1);
  atLeast("maxConnections", resolved.maxConnections, 0);
  atLeast("maxPinnedBytes", resolved.maxPinnedBytes, SEGMENT_BYTES);
  atLeast("maxItemBytes", resolved.maxItemBytes, 1);
  atLeast("slowMaxMs", resolved.slowMaxMs, 0);
  checkBudget(resolved.budget);
  return resolved;
}

function atLeast(option: string, value: unknown, least: number): void {
  if (typeof value === "number" && value >= least && Number.isFinite(value)) return;
  throw new LastcallError(
    "invalid_settings",
    `${option}: expected a number of at least ${least}, got ${String(value)}`,
  );
}
