/**
 * `npm run compare [-- options of lastcall rehearse]`: the same rehearsal of lastcall and of what people run today, and one
 * Markdown table of what each lost. Needs a redis-server.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment } from "../../../src/rehearsal/environment.js";
import type { ProtocolFindings, Report } from "../../../src/rehearsal/findings.js";
import { RedisServer } from "../../support/redis.js";
import { BIN } from "../../support/service.js";
import { services } from "./services.js";

/**
 * The preStop outlasts the lag, as is recommended everywhere: nobody who stops to listen at SIGTERM is sent newcomers.
 * Window and stagger are lastcall's own; nothing else reads them.
 */
const SETTINGS = {
  ...{ replicas: "3", clients: "30", rate: "40", requests: "20", rounds: "3" },
  ...{ prestop: "3s", lag: "2s", grace: "60s", window: "4s", "window-max": "15s", stagger: "5s" },
};
/** A rehearsal whose own process was too slow is held again, this often in all. */
const TRIES = 3;
const COLUMNS = [
  "service",
  "lost while connected",
  "missed while disconnected",
  "repeated",
  "out of order",
  "requests failed",
  "longest pause",
  "connections reset",
  "refused",
];

const given = process.argv.slice(2);
const isGiven = (name: string) => given.some((word) => word === `--${name}` || word.startsWith(`--${name}=`));
const settings = [
  ...Object.entries(SETTINGS).flatMap(([name, value]) => (isGiven(name) ? [] : [`--${name}`, value])),
  ...given,
];

const folder = await mkdtemp(join(tmpdir(), "lastcall-compare-"));
try {
  console.log(`${Object.values(environment()).join(", ")}\n\nlastcall rehearse ${settings.join(" ")} …\n`);
  const rows: string[][] = [];
  for (const { name } of services("")) rows.push(await compared(name));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  console.log([COLUMNS, COLUMNS.map((_, i) => (i === 0 ? "---" : "--:")), ...rows].map(line).join("\n"));
} finally {
  await rm(folder, { recursive: true });
}

/** Each has a Redis that nobody used before. */
async function compared(name: string): Promise<string[]> {
  for (let tries = 1; ; tries += 1) {
    const redis = await RedisServer.start();
    try {
      const args = services(redis.url).find((one) => one.name === name)?.args ?? [];
      const report = await rehearsed(name, args);
      const trouble = troubleOf(report);
      if (trouble === undefined) return [name, ...figures(report)];
      console.error(`${name}: ${trouble}`);
      if (tries === TRIES) return [`${name} (inconclusive)`, ...figures(report)];
    } finally {
      await redis.remove();
    }
  }
}

async function rehearsed(name: string, args: readonly string[]): Promise<Report> {
  const file = join(folder, "report.json");
  const own = args.includes("--") ? args.indexOf("--") : args.length;
  const all = [...settings, ...args.slice(0, own), "--report", file, ...args.slice(own)];
  const child = spawn(process.execPath, [BIN, "rehearse", ...all], { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  // 1 is a service that lost something: what is shown here.
  if (![0, 1, 3].includes(code)) throw new Error(`${name}: lastcall rehearse ended with ${code}`);
  const report: Report = JSON.parse(await readFile(file, "utf8"));
  console.error(`${name}: ${report.verdict.type}, ${report.verdict.text}`);
  return report;
}

/** Why what was counted may be the rehearsal's fault and not the service's. */
function troubleOf({ verdict, findings: { loopLagP99Ms, rolled } }: Report): string | undefined {
  if (verdict.type === "inconclusive") return verdict.text;
  if (rolled === 0) return "nothing was rolled";
  return loopLagP99Ms > 50 ? `its event loop was ${Math.round(loopLagP99Ms)} ms late` : undefined;
}

function figures({ findings: { protocols, requests, longestPauseMs } }: Report): string[] {
  const sum = (of: (one: ProtocolFindings) => number) => protocols.reduce((total, one) => total + of(one), 0);
  const failed = Object.entries(requests.failures);
  return [
    sum(({ onConnections }) => onConnections.lost),
    // One that resumes owes what passed meanwhile; one that does not has missed it.
    sum((one) => one.missedWhileDisconnected + Math.max(0, one.perClient.lost - one.onConnections.lost)),
    sum(({ perClient }) => perClient.repeated),
    sum(({ onConnections, perClient }) => Math.max(onConnections.outOfOrder, perClient.outOfOrder)),
    `${shown(failed.reduce((total, [, n]) => total + n, 0))} of ${shown(requests.kept + requests.fresh)}`,
    `${(longestPauseMs / 1_000).toFixed(1)} s`,
    sum(({ reset }) => reset),
    sum(({ refused }) => refused),
  ].map((figure) => (typeof figure === "number" ? shown(figure) : figure));
}

function shown(n: number): string {
  return n.toLocaleString("en");
}
