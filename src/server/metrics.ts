import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Plan } from "../drain/budget.js";
import { PHASES } from "../drain/phases.js";
import { createDrainMetrics } from "./drain-metrics.js";
import { NOT_READY_REASONS, type ReadyState } from "./readiness.js";
import { byFate, byProtocol, type Tallies, type Tally } from "./tally.js";

/** Three that Node's defaults give a counter's name though they go down; by type, without `_total`, they are there too. */
const MISNAMED = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

const APPEND_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const AGE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const ADMISSIONS = ["accepted", "refused"] as const;
const STAGES = ["starting", "serving", ...PHASES] as const;
const GAP_REASONS = ["trimmed", "replaced"] as const;
const PUBLISH_RESULTS = ["appended", "repeated", "refused", "failed"] as const;

/** Every figure of the service. All series exist, at 0, from the start, so that a first increase is an increase. */
export type Metrics = ReturnType<typeof createMetrics>;

export interface MetricsSources {
  readonly version: string;
  readonly revision: string;
  readonly ready: () => ReadyState;
  /** Each dependency, and whether it answered when it was last looked at. */
  readonly dependencies: () => Iterable<readonly [name: string, up: boolean]>;
  readonly plan: Plan;
  readonly tallies: Tallies;
  /** Clients that take nothing, and the memory they hold by that. */
  readonly stalls: { readonly size: number; readonly bytes: number };
}

export function createMetrics({ version, revision, ready, dependencies, plan, tallies, stalls }: MetricsSources) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);

  const drain = createDrainMetrics(registry, plan);

  tallied("gauge", "lastcall_sockets", "Connected clients, by protocol.", ({ sockets }) => sockets);
  tallied("counter", "lastcall_items_sent_total", "Items handed to clients' sockets.", ({ itemsSent }) => itemsSent);
  tallied(
    "counter",
    "lastcall_messages_received_total",
    "Frames received from clients.",
    ({ messagesReceived }) => messagesReceived,
  );
  tallied(
    "counter",
    "lastcall_ping_timeouts_total",
    "Clients ended because they answered no ping.",
    ({ pingTimeouts }) => pingTimeouts,
  );
  tallied(
    "counter",
    "lastcall_slow_sessions_total",
    "Times a client's socket stopped taking what it was given.",
    ({ slowSessions }) => slowSessions,
  );
  new Counter({
    name: "lastcall_connections_closed_total",
    help: "Clients that are gone, by how they went (cut: ended by a drain before they had everything).",
    labelNames: ["protocol", "fate"],
    registers,
    collect() {
      this.reset();
      for (const [labels, count] of byFate(tallies)) this.inc(labels, count);
    },
  });

  function tallied(type: "counter" | "gauge", name: string, help: string, read: (tally: Tally) => number): void {
    const Metric = type === "counter" ? Counter : Gauge;
    new Metric({
      name,
      help,
      labelNames: ["protocol"],
      registers,
      collect() {
        this.reset();
        for (const [labels, count] of byProtocol(tallies, read)) this.inc(labels, count);
      },
    });
  }

  new Gauge({
    name: "lastcall_stalled_clients",
    help: "Clients whose sockets take nothing just now.",
    registers,
    collect() {
      this.set(stalls.size);
    },
  });
  new Gauge({
    name: "lastcall_pinned_bytes",
    help: "Memory held for clients whose sockets take nothing just now.",
    registers,
    collect() {
      this.set(stalls.bytes);
    },
  });

  const arrivals = new Counter({
    name: "lastcall_arrivals_total",
    help: "New connections, counted at their first request (probes apart), by the stage of the drain.",
    labelNames: ["phase"],
    registers,
  });
  for (const phase of STAGES) arrivals.inc({ phase }, 0);

  const connections = new Counter({
    name: "lastcall_connections_total",
    help: "Clients that asked to connect, by the stage of the drain and the answer.",
    labelNames: ["phase", "result"],
    registers,
  });
  for (const phase of STAGES) for (const result of ADMISSIONS) connections.inc({ phase, result }, 0);

  const items = new Counter({ name: "lastcall_items_total", help: "Items that came from the journal.", registers });
  const replays = new Counter({
    name: "lastcall_replays_total",
    help: "Sessions that started behind the head.",
    registers,
  });
  const gaps = new Counter({
    name: "lastcall_gaps_total",
    help: "Cursors that the journal did not hold: clients', and this process's own as it follows a stream.",
    labelNames: ["reason"],
    registers,
  });
  for (const reason of GAP_REASONS) gaps.inc({ reason }, 0);

  const published = new Counter({
    name: "lastcall_published_total",
    help: "Publishes, by what became of them.",
    labelNames: ["result"],
    registers,
  });
  for (const result of PUBLISH_RESULTS) published.inc({ result }, 0);

  const appendSeconds = new Histogram({
    name: "lastcall_append_duration_seconds",
    help: "From a publish to its place in the journal.",
    buckets: APPEND_BUCKETS,
    registers,
  });
  const followerLag = new Gauge({
    name: "lastcall_follower_lag_seconds",
    help: "Age of the last item when it came from the journal.",
    registers,
  });
  const itemAge = new Histogram({
    name: "lastcall_item_age_seconds",
    help: "Age of items when they came from the journal (of several, the oldest): shows pauses, and clocks that differ.",
    buckets: AGE_BUCKETS,
    registers,
  });

  new Gauge({
    name: "lastcall_ready",
    help: "1 for what /ready says now: ready, or the reason why not.",
    labelNames: ["reason"],
    registers,
    collect() {
      const state = ready();
      const now = state.status === "ready" ? "ready" : state.reason;
      for (const reason of ["ready", ...NOT_READY_REASONS]) this.set({ reason }, reason === now ? 1 : 0);
    },
  });
  new Gauge({
    name: "lastcall_dependency_up",
    help: "1 for a dependency that answered when it was last looked at; readiness overlooks a lost one for its grace.",
    labelNames: ["dependency"],
    registers,
    collect() {
      for (const [dependency, up] of dependencies()) this.set({ dependency }, up ? 1 : 0);
    },
  });
  const buildInfo = new Gauge({
    name: "lastcall_build_info",
    help: "1; the labels say which version runs, built from which revision.",
    labelNames: ["version", "revision"],
    registers,
  });
  buildInfo.set({ version, revision }, 1);

  return {
    registry,
    drain,
    arrivals,
    connections,
    items,
    replays,
    gaps,
    published,
    appendSeconds,
    followerLag,
    itemAge,
  };
}
