import { printable } from "../../base/printable.js";
import type { Evidence, Report, Verdict } from "../findings.js";
import type { Paint } from "../paint.js";
import { furtherReasons, headlinesOf, shortened } from "./checks.js";
import { resultsOf, seen, timesOf } from "./content.js";
import { type Column, markOf, type Table, textOf } from "./table.js";
import { counted, moment } from "./units.js";

const GAP = "  ";
const MOST_EVIDENCE = 5;

export const SIGNS: Readonly<Record<Verdict["type"], string>> = { pass: "✓", fail: "✗", inconclusive: "?" };

/** The report for a terminal of `width` columns: the tables, and last, where it is still to be seen, the verdict. */
export function terminalReport(report: Report, paint: Paint, width: number): string {
  const tables = [...resultsOf(report), ...timesOf(report)].filter(({ rows }) => rows.length > 0);
  const parts = [...tables.map((table) => terminalTable(table, paint, width)), verdict(report, paint, width)];
  return `${parts.join("\n\n")}\n`;
}

/** Columns side by side, or, where the terminal is too narrow for them, one below the other. */
export function terminalTable({ title, columns, rows }: Table, paint: Paint, width: number): string {
  const texts = rows.map((row) => row.map((cell) => (markOf(cell) === "bad" ? "! " : "") + printable(textOf(cell))));
  const widths = columns.map(({ name }, i) => Math.max(name.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const heading = paint("bold", title);
  if (widths.reduce((sum, one) => sum + one + GAP.length, 0) > width)
    return [heading, ...stacked(columns, texts)].join("\n");
  const line = (cells: readonly string[]) =>
    cells
      .map((text, i) => pad(text, widths[i] ?? 0, columns[i]?.align))
      .join(GAP)
      .trimEnd();
  const body = texts.map((cells) => `${GAP}${line(cells)}`);
  const lines = body.map((text, i) => (rows[i]?.some((cell) => markOf(cell) === "bad") ? paint("red", text) : text));
  return [heading, paint("dim", `${GAP}${line(columns.map(({ name }) => name))}`), ...lines].join("\n");
}

function stacked(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly string[] {
  const widest = Math.max(...columns.map(({ name }) => name.length));
  return rows.flatMap((cells, n) => [
    ...(n === 0 ? [] : [""]),
    ...cells.map((text, i) => `${GAP}${(columns[i]?.name ?? "").padEnd(widest)}${GAP}${text}`),
  ]);
}

function pad(text: string, width: number, align: Column["align"] | undefined): string {
  return align === "right" ? text.padStart(width) : text.padEnd(width);
}

function verdict(report: Report, paint: Paint, width: number): string {
  const { verdict: v, findings } = report;
  const style = ({ pass: "green", fail: "red", inconclusive: "yellow" } as const)[v.type];
  const figures = headlinesOf(report).map(({ name, cell }) => `${textOf(cell)} ${name}`);
  const judged = findings.evidence.filter((one) => one.judged);
  const shown = judged
    .slice(0, MOST_EVIDENCE)
    .map((one) => `${GAP}${moment(one.at).padStart(7)}${GAP}${evidenceText(one)}`);
  const others = judged.length - shown.length;
  return [
    `${paint(["bold", style], `${SIGNS[v.type]} ${v.type.toUpperCase()}`)}${GAP}${paint("bold", printable(shortened(v.text)))}`,
    ...furtherReasons(report).map((reason) => `${GAP}${printable(reason)}`),
    ...(v.worth === undefined ? [] : [`${GAP}${printable(v.worth)}`]),
    ...wrapped(figures, " · ", width - GAP.length).map((line) => `${GAP}${paint("dim", line)}`),
    ...shown,
    ...(others > 0 ? [`${GAP}and ${counted(others, "fault")} more in the report`] : []),
  ].join("\n");
}

/** As many of the parts on a line as fit. */
function wrapped(parts: readonly string[], between: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = [...lines.slice(-1), part].join(between);
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines;
}

/** `client 17, connection 2, replica-1: item 204 … never came` */
export function evidenceText(evidence: Evidence): string {
  const { who, connection, replica } = evidence;
  const place = [who, connection === undefined ? [] : `connection ${connection}`, replica ?? []].flat().join(", ");
  return printable(`${place}: ${seen(evidence)}`);
}
