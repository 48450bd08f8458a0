import { type FaultKind, type Findings, LOOP_LAG_MS, type Report } from "../findings.js";
import { badIf, type Cell, columns, type Table } from "./table.js";
import { count, counted, duration } from "./units.js";

/** Characters of a reason that are shown; the JSON report has all of it. */
const LONGEST_REASON = 300;

const CHECKS: readonly { readonly kind: FaultKind; readonly text: string }[] = [
  { kind: "lost", text: "Every item came to every client" },
  { kind: "repeated", text: "No item came twice" },
  { kind: "out_of_order", text: "Items came in order" },
  { kind: "gap", text: "No gap was told" },
  { kind: "ack_broken", text: "What was acked is in the journal, once" },
  { kind: "foreign", text: "Nothing came that was not published, or out of turn" },
  { kind: "broken_before_made", text: "The next connection stood before the old one was gone" },
  { kind: "cut_short", text: "Clients were told first that their server goes, and had everything before CLOSE" },
  { kind: "request", text: "Every HTTP request was answered" },
  { kind: "out_of_grace", text: "Every drain was over within the grace period" },
];

/** What the verdict rests on, one line each. */
export function checksOf({ findings }: Report): Table {
  return {
    title: "What was judged",
    columns: columns("check", "expected", ">found", "result"),
    rows: [...CHECKS.map(({ kind, text }) => faultRow(findings, kind, text)), ...conditions(findings)],
  };
}

function faultRow({ faults, evidence }: Findings, kind: FaultKind, text: string): readonly Cell[] {
  const found = faults[kind] ?? 0;
  if (found > 0) return [text, "0 faults", { text: count(found), mark: "bad" }, { text: "fail", mark: "bad" }];
  const reported = evidence.filter((one) => one.kind === kind && !one.judged).length;
  if (reported > 0) return [text, "0 faults", badIf(kind === "out_of_grace", count(reported)), "reported, not judged"];
  return [text, "0 faults", "0", { text: "pass", mark: "good" }];
}

/** Without these nothing was shown, whatever was counted. */
function conditions(findings: Findings): readonly (readonly Cell[])[] {
  const { rolled, notReplaced, withoutSentinel, loopLagP99Ms } = findings;
  return [
    condition("Replicas were rolled", "1 or more", count(rolled), rolled > 0),
    condition("Connections that stood at the start were replaced", "all", left(notReplaced), notReplaced === 0),
    condition("The last item came to every client", "all", left(withoutSentinel), withoutSentinel === 0),
    condition(
      "The rehearsal's own event loop (p99 delay)",
      `up to ${LOOP_LAG_MS} ms`,
      duration(loopLagP99Ms),
      loopLagP99Ms <= LOOP_LAG_MS,
    ),
  ];
}

function condition(text: string, expected: string, found: string, holds: boolean): readonly Cell[] {
  return [
    text,
    expected,
    badIf(!holds, found),
    holds ? { text: "holds", mark: "good" } : { text: "fails", mark: "bad" },
  ];
}

function left(n: number): string {
  return n === 0 ? "all" : `all but ${count(n)}`;
}

/** The figures that are read first. */
export function headlinesOf({ findings }: Report): readonly { readonly name: string; readonly cell: Cell }[] {
  const { faults, requests, longestPauseMs, stampede, replicas, rolled } = findings;
  const failed = Object.values(requests.failures).reduce((sum, n) => sum + n, 0);
  const chaos = replicas.filter(({ killed }) => killed === "chaos").length;
  const late = lateOf(findings);
  const zero = (kind: FaultKind) => badIf((faults[kind] ?? 0) > 0, count(faults[kind] ?? 0));
  return [
    { name: "lost", cell: zero("lost") },
    { name: "repeated", cell: zero("repeated") },
    { name: "out of order", cell: zero("out_of_order") },
    {
      name: `of ${counted(requests.kept + requests.fresh, "request")} failed`,
      cell: badIf((faults.request ?? 0) > 0, count(failed)),
    },
    { name: "longest pause", cell: duration(longestPauseMs) },
    { name: "new connections in the busiest 100 ms", cell: count(stampede.connections) },
    { name: `replicas rolled${chaos === 0 ? "" : `, ${chaos} of them killed on purpose`}`, cell: count(rolled) },
    ...(late === 0 ? [] : [{ name: "killed at the end of the grace period", cell: badIf(true, count(late)) }]),
  ];
}

/** Replicas that were still draining when their time was over. */
function lateOf({ replicas }: Findings): number {
  return replicas.filter(({ killed }) => killed === "grace_over").length;
}

/** What the verdict gives as reasons beside its sentence and what the evidence says anyhow, each in a line. */
export function furtherReasons({ verdict, findings }: Report): readonly string[] {
  const told = findings.evidence.filter(({ judged }) => judged).map(({ text }) => text);
  return verdict.reasons
    .filter((reason) => reason !== verdict.text && !told.some((text) => reason.includes(text)))
    .map(shortened);
}

/** The first line, and not all of a long one: what a replica wrote before it ended may be a whole log. */
export function shortened(text: string): string {
  const [line = ""] = text.split("\n");
  return line === text && text.length <= LONGEST_REASON ? text : `${line.slice(0, LONGEST_REASON)}…`;
}
