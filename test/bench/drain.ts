/** From SIGTERM to exit with 10,000 idle clients, each of which is told, flushed, closed with 1012 and echoes it. */
import { type LoadReport, startLoad } from "./load.js";
import { alternating, markdownTable, median, ratio, spread, verdict } from "./report.js";
import { type ServerSpec, startServer } from "./server.js";
import { benchArguments, FINALS, fastifyDefaults, lastcall, plainC, wsBroadcast } from "./subjects.js";

const GOAL_S = 0.8;
const { clients, rounds, peersOnly } = benchArguments({ clients: 10_000, rounds: 5 });

interface Subject {
  readonly server: ServerSpec;
  /** Whether a client that was not told, flushed, closed and answered is a fault of the run. */
  readonly complete: boolean;
  readonly seconds: number[];
  readonly reports: LoadReport[];
}

const subject = (server: ServerSpec, complete: boolean): Subject => ({ server, complete, seconds: [], reports: [] });
const ours = peersOnly ? undefined : subject(lastcall(), true);
const peer = subject(wsBroadcast(), true);
const floor = subject(plainC(), true);
const subjects = [...(ours ? [ours] : []), peer, subject(fastifyDefaults(), false), floor];

await alternating(rounds, subjects, async ({ server, complete, seconds, reports }) => {
  const running = await startServer(server, "/ready");
  const load = await startLoad(running.port, clients, FINALS);
  load.mark();
  seconds.push((await running.stop("SIGTERM", 0)) / 1000);
  const report = await load.done;
  reports.push(report);
  const counts = [report.told, report.flushed, report.closed1012, report.echoed, report.inOrder];
  if (complete && (report.broken > 0 || counts.some((count) => count !== clients))) {
    throw new Error(`${server.name} left somebody out: ${JSON.stringify(report)}`);
  }
});

/** The worst round's count: a figure of 10,000 is one that held every time. */
function least(reports: readonly LoadReport[], count: "told" | "flushed" | "closed1012" | "echoed"): string {
  return String(Math.min(...reports.map((report) => report[count])));
}

/** The load's own CPU time as a share of the drain: well below 100 %, or the load was the limit. */
function loadShare({ seconds, reports }: Subject): string {
  const shares = reports.map(({ cpuMs }, i) => cpuMs / 10 / (seconds[i] ?? Number.NaN));
  return `${median(shares).toFixed(0)} %`;
}

console.log(`### Drain: SIGTERM to exit with ${clients} idle clients (seconds, ${rounds} rounds)\n`);
console.log(
  markdownTable(
    ["server", "median (min to max)", "to `ws`", "to C", "told", "flushed", "1012", "echoed", "load's CPU"],
    subjects.map((row) => [
      row.server.name,
      spread(row.seconds, 2),
      ratio(row.seconds, peer.seconds),
      ratio(row.seconds, floor.seconds),
      least(row.reports, "told"),
      least(row.reports, "flushed"),
      least(row.reports, "closed1012"),
      least(row.reports, "echoed"),
      loadShare(row),
    ]),
  ),
);
if (ours) console.log(`\n${verdict("lastcall", median(ours.seconds), GOAL_S, "s", 2)}`);
