import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { type Plan, parts } from "../drain/budget.js";
import type { Receipt } from "../drain/events.js";
import { PHASES } from "../drain/phases.js";

/** prom-client's own buckets stop at 10 s; a drain may take minutes. */
const BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300];

const OUTCOMES = ["clean", "cut", "failed"] as const;
const REQUEST_RESULTS = ["finished", "cut"] as const;

/** What the receipt counts of clients, as the `result` label says it. */
const CLIENT_RESULTS = {
  told: "told",
  flushed: "flushed",
  left: "left",
  handed_over: "handedOver",
  unanswered: "unanswered",
  gone: "gone",
  cut: "cut",
  echoed: "echoed",
} as const;

/** The figures of a drain: its plan from the start on, and its receipt once it has one. */
export type DrainMetrics = ReturnType<typeof createDrainMetrics>;

export function createDrainMetrics(registry: Registry, plan: Plan) {
  const registers = [registry];

  const drains = new Counter({
    name: "graceful_shutdown_total",
    help: "Drains that ended, by outcome.",
    labelNames: ["outcome"],
    registers,
  });
  const seconds = new Histogram({
    name: "graceful_shutdown_duration_seconds",
    help: "From the signal to the end of the drain, without its linger, by outcome.",
    labelNames: ["outcome"],
    buckets: BUCKETS,
    registers,
  });
  for (const outcome of OUTCOMES) {
    drains.inc({ outcome }, 0);
    seconds.zero({ outcome });
  }

  const phaseSeconds = new Histogram({
    name: "graceful_shutdown_phase_duration_seconds",
    help: "Time of each phase of a drain; the linger's is over only when nobody can ask for it any more.",
    labelNames: ["phase"],
    buckets: BUCKETS,
    registers,
  });
  for (const phase of PHASES) phaseSeconds.zero({ phase });

  const inProgress = new Gauge({
    name: "graceful_shutdown_in_progress",
    help: "1 while draining; 0 again as soon as the figures are final, before the linger.",
    registers,
  });

  const budgetSeconds = new Gauge({
    name: "graceful_shutdown_budget_seconds",
    help: "What each part of a drain may take, and the whole.",
    labelNames: ["part"],
    registers,
  });

  const clients = new Counter({
    name: "graceful_shutdown_clients_total",
    help: "Clients of drains that ended, as the receipt counts them; who is told is counted again by what came of it.",
    labelNames: ["result"],
    registers,
  });
  for (const result of Object.keys(CLIENT_RESULTS)) clients.inc({ result }, 0);

  const items = new Counter({
    name: "graceful_shutdown_items_total",
    help: "Items handed to clients' sockets between the announcement and the end of a drain.",
    registers,
  });
  const requests = new Counter({
    name: "graceful_shutdown_requests_total",
    help: "Requests in flight when a drain began, or begun during it, by what came of them.",
    labelNames: ["result"],
    registers,
  });
  for (const result of REQUEST_RESULTS) requests.inc({ result }, 0);

  const publishesCut = new Counter({
    name: "graceful_shutdown_publishes_cut_total",
    help: "Accepted publishes that were not in the journal when a drain ended.",
    registers,
  });
  const lastArrival = new Gauge({
    name: "graceful_shutdown_last_arrival_seconds",
    help: "From the beginning of the drain to the last new connection's first request; 0 when none came.",
    registers,
  });

  function planned(what: Plan): void {
    for (const { part, ms } of parts(what)) budgetSeconds.set({ part }, ms / 1000);
    budgetSeconds.set({ part: "total" }, what.totalMs / 1000);
  }
  planned(plan);

  return {
    planned,
    inProgress,
    phaseSeconds,
    lastArrival,
    ended(receipt: Receipt): void {
      const { outcome, durationMs } = receipt;
      drains.inc({ outcome });
      seconds.observe({ outcome }, durationMs / 1000);
      for (const [result, field] of Object.entries(CLIENT_RESULTS)) clients.inc({ result }, receipt.clients[field]);
      items.inc(receipt.clients.items);
      for (const result of REQUEST_RESULTS) requests.inc({ result }, receipt.requests[result]);
      publishesCut.inc(receipt.publishes.cut);
      inProgress.set(0);
    },
  };
}
