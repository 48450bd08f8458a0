import type { Server } from "node:http";
import type { Socket } from "node:net";
import { aborted } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import { planDrain } from "../drain/budget.js";
import { Drain } from "../drain/engine.js";
import { reached } from "../drain/phases.js";
import type { Source } from "../drain/ports.js";
import type { Page } from "../journal/port.js";
import { type Id, numberOf, type Position } from "../protocol/ids.js";
import type { Feed } from "../stream/feed.js";
import { Feeds } from "../stream/feeds.js";
import type { Marks } from "../wire/connection.js";
import { Leave } from "./leave.js";
import type { Log } from "./log.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { logDrain, measureDrain } from "./observe.js";
import type { ResolvedOptions } from "./options.js";
import { Publisher } from "./publisher.js";
import { Readiness } from "./readiness.js";
import { Reception } from "./reception.js";
import { keepAlive, Roster } from "./roster.js";
import { Scrapes } from "./scrapes.js";
import { Sockets } from "./sockets.js";
import { createTallies } from "./tally.js";

const NO_SOURCE: Source = { finish: async () => 0 };

/** Everything a lastcall server is made of, wired up; it knows Node's servers and sockets, and no framework. */
export class Core {
  readonly options: ResolvedOptions;
  readonly log: Log;
  readonly drain: Drain;
  readonly feeds: Feeds;
  readonly metrics: Metrics;
  readonly publisher: Publisher;
  readonly readiness: Readiness;
  readonly reception: Reception;
  readonly roster = new Roster();
  readonly scrapes: Scrapes;
  readonly sockets: Sockets;
  readonly #stopPings: () => void;
  #unhealthy: string | undefined;

  constructor(options: ResolvedOptions, server: Server, log: Log) {
    const { journal, clock } = options;
    this.options = options;
    this.log = log;
    this.sockets = new Sockets(server, clock);
    this.scrapes = new Scrapes(options.lingerScrapes);
    this.publisher = new Publisher(journal, options.maxItemBytes, (result, ms) => {
      this.metrics.published.inc({ result });
      if (result === "appended") this.metrics.appendSeconds.observe(ms / 1000);
    });
    this.feeds = new Feeds(journal, clock, {
      items: (_stream, count, lagMs) => {
        this.metrics.items.inc(count);
        this.metrics.followerLag.set(lagMs / 1000);
      },
      gap: (stream, reason) => {
        this.metrics.gaps.inc({ reason });
        log.warn({ stream, reason }, "The journal no longer holds what was being read");
      },
      ended: (stream) => this.fail(`stream ${stream} is no longer followed: the journal is closed`),
      failed: (stream, error) => log.warn({ stream, err: error }, "Reading the journal failed; trying again"),
    });
    const leave = new Leave({
      roster: this.roster,
      clock,
      random: Math.random,
      heads: (signal) => this.#heads(signal),
    });
    this.drain = new Drain({
      clock,
      budget: options.budget,
      ports: {
        arrivals: this.sockets,
        source: options.source?.(this.publisher) ?? NO_SOURCE,
        clients: leave,
        requests: this.sockets,
        publishes: this.publisher,
        closables: [
          { name: "followers", close: () => this.feeds.close() },
          ...options.closables,
          { name: "journal", close: () => journal.close() },
        ],
        figures: this.scrapes,
      },
    });
    this.readiness = new Readiness({
      clock,
      checks: { journal: (signal) => journal.check(signal) },
      graceMs: options.dependencyGraceMs,
      draining: () => this.draining,
      onChange: (name, state) =>
        log[state === "ok" ? "info" : "warn"]({ dependency: name, state }, "Dependency checked"),
    });
    const tallies = createTallies();
    this.metrics = createMetrics({
      version: options.version,
      ready: () => this.readiness.state(),
      tallies,
      plan: planDrain(options.budget, { afterPreStop: true, skipWindow: false }),
    });
    logDrain(this.drain, log, () => this.roster.size);
    measureDrain(this.drain, this.metrics);
    this.drain.subscribe((event) => {
      if (event.type === "started") this.sockets.startCounting();
      else if (event.type === "phase_started" && event.phase === "announce") this.sockets.stopAdmitting();
      else if (event.type === "completed") this.#stop();
    });
    const { roster, publisher } = this;
    this.reception = new Reception({ log, roster, tallies, publisher, leave, textPublish: options.textPublish });
    this.#stopPings = keepAlive(roster, clock, options.pingIntervalMs, (connection) =>
      this.reception.silent(connection),
    );
  }

  get draining(): boolean {
    return this.drain.stage !== "serving";
  }

  /** Why the process can no longer do its work; undefined while it can. */
  get unhealthy(): string | undefined {
    return this.#unhealthy;
  }

  /**
   * Why a request on `socket` is not served now; undefined when it is. Probes are always served.
   */
  refusal(socket: Socket, upgrade: boolean): LastcallError | undefined {
    const { stage } = this.drain;
    // Requests that a host's tests inject come on no socket of ours.
    if (stage === "serving" && !this.readiness.wasReady && this.sockets.has(socket)) {
      return new LastcallError("starting", "the service is starting");
    }
    // Whoever comes on a connection that stood before is served until the journal is closed; a WebSocket, until clients are.
    const last = upgrade ? "close" : "release";
    if (reached(stage, last) || (reached(stage, "announce") && this.sockets.isLate(socket))) {
      return new LastcallError("shutting_down", "the service is shutting down; connect again");
    }
    const { maxConnections } = this.options;
    if (upgrade && maxConnections > 0 && this.roster.size >= maxConnections) {
      return new LastcallError("overloaded", `the service serves ${maxConnections} clients already; connect later`);
    }
    return undefined;
  }

  /** Counts an answer to somebody who wanted to connect. */
  countAdmission(result: "accepted" | "refused"): void {
    const { stage } = this.drain;
    const phase = stage === "serving" && !this.readiness.wasReady ? "starting" : stage;
    if (phase !== "done") this.metrics.connections.inc({ phase, result });
  }

  /** Follows a stream from now on. */
  open(stream: string): Promise<Feed> {
    return this.feeds.open(stream);
  }

  /**
   * Entries after a position.
   * @throws LastcallError `gap`, when the journal does not hold it: with the reason, and the cursor to go on from
   */
  async read(stream: string, after: Position, limit: number): Promise<Extract<Page, { type: "entries" }>> {
    const page = await this.options.journal.read(stream, after, limit);
    if (page.type === "entries") return page;
    const { reason, cursor } = page;
    this.metrics.gaps.inc({ reason });
    throw new LastcallError("gap", `nothing can be read after ${after}: the journal was ${reason}`, {
      detail: { reason, cursor },
    });
  }

  /** Notes that the process cannot do its work any more: `/health` turns 503 (never during a drain). */
  fail(reason: string): void {
    if (this.#unhealthy !== undefined || this.draining) return;
    this.#unhealthy = reason;
    this.log.error({ reason }, "The service can no longer do its work");
  }

  /** How far each stream is to be served. Where the journal does not answer in time, what was seen of it counts. */
  async #heads(signal: AbortSignal): Promise<Marks> {
    const feeds = this.feeds.all();
    const abort = aborted(signal);
    const marks = await Promise.all(
      feeds.map(async (feed): Promise<[string, number]> => {
        const head: Promise<Id | undefined> = this.options.journal.head(feed.stream, signal).catch(() => undefined);
        const id = await Promise.race([head, abort.promise]);
        return [feed.stream, numberOf(id ?? feed.at)];
      }),
    );
    abort.stop();
    return new Map(marks);
  }

  #stop(): void {
    this.readiness.stop();
    this.#stopPings();
  }
}
