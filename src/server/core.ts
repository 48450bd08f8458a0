import type { Server } from "node:http";
import type { Socket } from "node:net";
import { LastcallError } from "../base/errors.js";
import { planDrain } from "../drain/budget.js";
import { Drain } from "../drain/engine.js";
import { reached, type Stage } from "../drain/phases.js";
import type { Source } from "../drain/ports.js";
import type { FeedEvents } from "../stream/feed.js";
import { Feeds } from "../stream/feeds.js";
import { Stalls } from "../stream/stalls.js";
import type { Peer } from "../wire/peer.js";
import { Leave } from "./leave.js";
import type { Log } from "./log.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { logDrain, measureDrain } from "./observe.js";
import type { ResolvedOptions } from "./options.js";
import { Publisher } from "./publisher.js";
import { Readiness } from "./readiness.js";
import { Reception } from "./reception.js";
import { Roster, rounds } from "./roster.js";
import { Scrapes } from "./scrapes.js";
import { Sockets } from "./sockets.js";
import { Streams } from "./streams.js";
import { createTallies } from "./tally.js";

const NO_SOURCE: Source = { finish: async () => 0 };

/** Everything a lastcall server is made of, wired up; it knows Node's servers and sockets, and no framework. */
export class Core {
  readonly options: ResolvedOptions;
  readonly log: Log;
  readonly drain: Drain;
  readonly streams: Streams;
  readonly metrics: Metrics;
  readonly publisher: Publisher;
  readonly readiness: Readiness;
  readonly reception: Reception;
  readonly roster = new Roster();
  readonly scrapes: Scrapes;
  readonly sockets: Sockets;
  readonly #stopRounds: readonly (() => void)[];
  #unhealthy: string | undefined;
  /** Clock time, ms. */
  #drainingSince: number | undefined;

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
    const events: FeedEvents = {
      items: (_stream, count, lagMs, ageMs) => {
        this.metrics.items.inc(count);
        this.metrics.followerLag.set(lagMs / 1000);
        this.metrics.itemAge.observe(ageMs / 1000);
      },
      gap: (stream, reason) => {
        this.metrics.gaps.inc({ reason });
        log.warn({ stream, reason }, "The journal no longer holds what was being read");
      },
      ended: (stream) => this.fail(`stream ${stream} is no longer followed: the journal is closed`),
      failed: (stream, error) => log.warn({ stream, err: error }, "Reading the journal failed; trying again"),
    };
    const stalls = new Stalls(options.maxPinnedBytes);
    const feeds = new Feeds({ journal, clock, events, stalls });
    this.streams = new Streams(journal, feeds, (reason) => this.metrics.gaps.inc({ reason }));
    const leave = new Leave({
      roster: this.roster,
      clock,
      random: Math.random,
      heads: (signal) => this.streams.marks(signal),
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
          { name: "followers", close: () => feeds.close() },
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
      revision: options.revision,
      dependencies: () => this.readiness.dependencies(),
      ready: () => this.readiness.state(),
      tallies,
      stalls,
      plan: planDrain(options.budget, { afterPreStop: true, skipWindow: false }),
    });
    logDrain(this.drain, log, () => this.roster.size);
    measureDrain(this.drain, this.metrics.drain);
    this.drain.subscribe((event) => {
      if (event.type === "started") this.#begin();
      else if (event.type === "completed") this.#stop();
      else if (event.type !== "phase_started") return;
      else if (event.phase === "announce") this.sockets.stopAdmitting();
      // A journal that we close is not one that was lost.
      else if (event.phase === "release") this.readiness.stop();
    });
    const { roster, publisher, metrics } = this;
    this.reception = new Reception({ log, roster, tallies, metrics, publisher, leave });
    this.#stopRounds = [
      rounds(roster, clock, options.pingIntervalMs / 2, (connection) => {
        const alive = connection.ping();
        if (!alive) this.reception.silent(connection);
        return alive;
      }),
      rounds(roster, clock, options.heartbeatMs / 2, (connection) => {
        connection.beat();
        return true;
      }),
    ];
  }

  get draining(): boolean {
    return this.drain.stage !== "serving";
  }

  /** Why the process can no longer do its work; undefined while it can. */
  get unhealthy(): string | undefined {
    return this.#unhealthy;
  }

  /**
   * Why a request on `socket` is not served now; undefined when it is. Probes are always served. `lasting`: it asks for a
   * connection that stays.
   */
  refusal(socket: Socket, lasting: boolean): LastcallError | undefined {
    const { stage } = this.drain;
    // Requests that a host's tests inject come on no socket of ours.
    if (stage === "serving" && !this.readiness.wasReady && this.sockets.has(socket)) {
      return new LastcallError("starting", "the service is starting");
    }
    // Whoever comes on a connection that stood before is served until the journal is closed; a client, until clients are.
    const last = lasting ? "close" : "release";
    if (reached(stage, last) || (reached(stage, "announce") && this.sockets.isLate(socket))) {
      return new LastcallError("shutting_down", "the service is shutting down; connect again");
    }
    const { maxConnections } = this.options;
    if (lasting && maxConnections > 0 && this.roster.size >= maxConnections) {
      return new LastcallError("overloaded", `the service serves ${maxConnections} clients already; connect later`);
    }
    return undefined;
  }

  /** Takes up a client whose connection stands. */
  serve(connection: Peer): void {
    this.countAdmission("accepted");
    this.reception.opened(connection);
    connection.start();
  }

  /** Counts an answer to somebody who wanted to connect. */
  countAdmission(result: "accepted" | "refused"): void {
    const phase = this.#phase;
    if (phase !== "done") this.metrics.connections.inc({ phase, result });
  }

  /** A request that is not a probe has come on `socket`: if it is the connection's first, somebody new has arrived. */
  arrived(socket: Socket): void {
    if (!this.sockets.arrived(socket)) return;
    const phase = this.#phase;
    if (phase !== "done") this.metrics.arrivals.inc({ phase });
    if (this.#drainingSince === undefined) return;
    this.metrics.drain.lastArrival.set((this.options.clock.now() - this.#drainingSince) / 1000);
  }

  /** Notes that the process cannot do its work any more: `/health` turns 503 (never during a drain). */
  fail(reason: string): void {
    if (this.#unhealthy !== undefined || this.draining) return;
    this.#unhealthy = reason;
    this.log.error({ reason }, "The service can no longer do its work");
  }

  get #phase(): Stage | "starting" {
    const { stage } = this.drain;
    return stage === "serving" && !this.readiness.wasReady ? "starting" : stage;
  }

  #begin(): void {
    this.#drainingSince = this.options.clock.now();
    this.sockets.startCounting();
  }

  #stop(): void {
    this.readiness.stop();
    for (const stop of this.#stopRounds) stop();
  }
}
