import { parts } from "../drain/budget.js";
import type { Drain } from "../drain/engine.js";
import type { DrainEvent } from "../drain/events.js";
import { round, shown } from "../drain/receipt.js";
import type { DrainMetrics } from "./drain-metrics.js";
import type { Log } from "./log.js";

/** Writes a drain into the log, in words an operator can follow, and its plan and receipt as they are. */
export function logDrain(drain: Drain, log: Log, clients: () => number): void {
  drain.subscribe((event) => {
    switch (event.type) {
      case "started": {
        const plan = { totalMs: event.plan.totalMs, parts: parts(event.plan), windowMinMs: event.plan.windowMinMs };
        log.info({ reason: event.reason, plan, clients: clients() }, "graceful_shutdown_started");
        log.info({ reason: event.reason, clients: clients() }, "Shutdown begun");
        return;
      }
      case "phase_started":
        if (event.capMs > 0) log.info({ phase: event.phase, capMs: round(event.capMs) }, PHASE_WORDS[event.phase]);
        return;
      case "phase_ended":
        if (event.outcome === "skipped") return;
        log.info({ phase: event.phase, outcome: event.outcome, ms: round(event.ms) }, `Phase ${event.phase} over`);
        return;
      case "error":
        log.error({ err: event.error }, "Error during shutdown; the shutdown goes on");
        return;
      case "settled":
        return;
      case "completed":
        log.info({ receipt: shown(event.receipt) }, "graceful_shutdown_completed");
    }
  });
}

const PHASE_WORDS = {
  window: "Waiting until no new clients are sent here",
  announce: "Telling all clients",
  finish: "Publishing the last items",
  close: "Closing all clients: last items, CLOSE, close frame",
  requests: "Waiting for requests in flight",
  release: "Closing what is open",
  linger: "Waiting for the figures to be scraped",
} as const;

/** Counts a drain. Its figures are set before the linger, so that the last scrape has them. */
export function measureDrain(drain: Drain, { inProgress, phaseSeconds, planned, ended }: DrainMetrics): void {
  let counted = false;
  drain.subscribe((event: DrainEvent) => {
    if (event.type === "started") {
      inProgress.set(1);
      // A drain that no preStop sleep preceded has another plan than the one shown at the start.
      planned(event.plan);
    } else if (event.type === "phase_ended") {
      phaseSeconds.observe({ phase: event.phase }, event.ms / 1000);
    } else if ((event.type === "settled" || event.type === "completed") && !counted) {
      counted = true;
      ended(event.receipt);
    }
  });
}
