import { systemClock } from "../base/clock.js";
import { withoutCredentials } from "../base/printable.js";
import type { Perform } from "./command.js";
import { environment } from "./environment.js";
import type { Series } from "./findings.js";
import { findingsOf, type Judging } from "./ledger.js";
import type { RehearsalOptions } from "./options.js";
import type { RunRecord } from "./record.js";
import { rehearse } from "./rehearse.js";
import { seriesOf } from "./series.js";
import { verdictOf } from "./verdict.js";

/** A rehearsal from its start to its report. */
export const conduct: Perform = async (options, { version, shown }, progress, signal) => {
  const startedAt = systemClock.now();
  const run = await rehearse(options, progress, signal);
  const findings = findingsOf(run, judgingOf(options));
  return {
    lastcall: version,
    startedAt: new Date(run.epoch).toISOString(),
    durationMs: systemClock.now() - startedAt,
    environment: { service: serviceOf(options), ...environment() },
    options: shown,
    findings,
    verdict: verdictOf(findings, run),
    series: withActs(seriesOf(run), run),
  };
};

/**
 * A request that meets a process which is killed or frozen fails, and goodbyes come late or never to whom any chaos
 * befalls; that is the chaos, not the service.
 */
export function judgingOf({ chaos, judge }: RehearsalOptions): Judging {
  const all = judge === "all";
  return {
    requestsJudged: all && !chaos.includes("kill") && !chaos.includes("pause"),
    goodbyesJudged: all && chaos.length === 0,
  };
}

function serviceOf({ stage }: RehearsalOptions): string {
  if (stage.type === "remote") return withoutCredentials(stage.url);
  return `${stage.replicas} replicas on this machine: ${stage.program?.join(" ") ?? "lastcall serve"}`;
}

function withActs(series: Series, { rounds }: RunRecord): Series {
  const acts = (n: number) => rounds.find((round) => round.n === n)?.acts ?? [];
  return {
    ...series,
    rounds: series.rounds.map((round) => ({
      ...round,
      acts: acts(round.n).map(({ at, what }) => ({ atMs: at, what })),
    })),
  };
}
