import { printable } from "../../base/printable.js";
import type { Report, Series } from "../findings.js";
import { checksOf, furtherReasons, shortened } from "./checks.js";
import { evidenceOf, resultsOf, settingsOf, timesOf } from "./content.js";
import { bins, SPARKS, sparkline } from "./sparkline.js";
import { markOf, type Table, textOf } from "./table.js";
import { evidenceText, SIGNS } from "./terminal.js";
import { count, counted, duration, inMs, moment } from "./units.js";

/** A test report: environment, scenarios, steps, results, figures, conclusion. Pure text, for a repository or a ticket. */
export function markdownReport(report: Report): string {
  const { verdict } = report;
  const [environment, options] = settingsOf(report);
  const sections = [
    `# Rehearsal: ${verdict.type}`,
    `${SIGNS[verdict.type]} **${inline(shortened(verdict.text))}**`,
    `${inline(report.startedAt)}, ${duration(report.durationMs)}, lastcall ${inline(report.lastcall)}.`,
    "## Environment",
    environment === undefined ? "" : table(environment),
    "## Scenarios",
    scenarios(report),
    options === undefined ? "" : table(options),
    "## Steps",
    steps(report.series),
    "## Results",
    ...[checksOf(report), ...resultsOf(report)].flatMap(titled),
    "## Figures",
    ...timesOf(report).flatMap(titled),
    pictures(report.series),
    "## Conclusion",
    conclusion(report),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function scenarios({ findings }: Report): string {
  const { protocols, rounds, rolled, requests, publishing } = findings;
  const clients = protocols.map(({ protocol, clients: n }) => `${count(n)} × ${inline(protocol)}`).join(", ");
  return [
    `- Clients that read all the while: ${clients || "none"}.`,
    `- ${counted(publishing.published, "numbered item")} published, ${counted(requests.kept + requests.fresh, "HTTP request")} sent meanwhile.`,
    `- ${counted(rounds, "round")}, ${counted(rolled, "replica")} rolled.`,
  ].join("\n");
}

function steps({ rounds }: Series): string {
  const lines = rounds.flatMap(({ n, fromMs, toMs, acts = [] }) => [
    `1. Round ${n}, from ${moment(fromMs)} to ${moment(toMs)}${acts.length === 0 ? "." : ":"}`,
    ...acts.map(({ atMs, what }) => `   - ${moment(atMs)}: ${inline(what)}`),
  ]);
  return lines.length === 0 ? "Nothing was rolled." : lines.join("\n");
}

/** Where nothing draws, one character is one bin. */
function pictures({ stepMs, connections, reconnects, pauses }: Series): string {
  const bin = bins(pauses, SPARKS)[0]?.length ?? 0;
  if (bin === 0) return "";
  const peak = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value), 0);
  const top = Math.max(...connections.map(({ counts }) => peak(counts)), 1);
  const rows = [
    ...connections.map(({ replica, counts }) => [replica, sparkline(counts, top), `${count(peak(counts))}`] as const),
    ["new connections", sparkline(reconnects, peak(reconnects)), `${count(peak(reconnects))} in ${stepMs} ms`] as const,
    ["longest pause", sparkline(pauses, peak(pauses)), `${inMs(peak(pauses))} ms`] as const,
  ];
  const widest = Math.max(...rows.map(([name]) => printable(name).length));
  const width = bins(pauses, SPARKS).length;
  const lines = rows.map(([name, line, most]) => {
    const text = printable(name).replaceAll("`", "'");
    return `${text.padEnd(widest)} │${line.padEnd(width)}│ at most ${most}`;
  });
  const head = `### Over time\n\nConnections by replica, then new connections and pauses; one character is ${duration(bin * stepMs)}.`;
  return `${head}\n\n\`\`\`text\n${lines.join("\n")}\n\`\`\``;
}

function conclusion(report: Report): string {
  const { verdict, findings } = report;
  const reasons = furtherReasons(report);
  const first = findings.evidence.find((one) => one.judged);
  const parts = [
    `**${verdict.type.toUpperCase()}** (exit code ${verdict.exitCode}): ${inline(shortened(verdict.text))}`,
    reasons.map((reason) => `- ${inline(reason)}`).join("\n"),
    first === undefined ? "" : `First evidence, at ${moment(first.at)}: ${inline(evidenceText(first))}`,
    findings.evidence.length === 0 ? "" : titled(evidenceOf(report)).join("\n\n"),
    verdict.worth === undefined ? "" : `What it is worth: ${inline(verdict.worth)}.`,
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function titled(one: Table): readonly string[] {
  if (one.rows.length === 0) return [];
  return [`### ${one.title}`, ...(one.note === undefined ? [] : [one.note]), table(one)];
}

function table({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ name }) => name)),
    `|${columns.map(({ align }) => (align === "right" ? "--:" : "---")).join("|")}|`,
    ...rows.map((row) =>
      line(row.map((cell) => (markOf(cell) === "bad" ? `**${inline(textOf(cell))}**` : inline(textOf(cell))))),
    ),
  ].join("\n");
}

/** Text of others' is no Markdown, no HTML and no table of its own. */
function inline(text: string): string {
  return printable(text).replace(/[\\`*_[\]<>|~&]/g, (c) => (c === "<" ? "&lt;" : c === "&" ? "&amp;" : `\\${c}`));
}
