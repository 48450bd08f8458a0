import type {
  Counts,
  Distribution,
  Evidence,
  Findings,
  ProtocolFindings,
  ReplicaFindings,
  Report,
} from "../findings.js";
import { badIf, type Cell, columns, type Table } from "./table.js";
import { count, inMs, inSeconds, moment } from "./units.js";

/** Shorter phases are no news; the HTML and JSON reports have them all the same. */
const WORTH_A_COLUMN_MS = 10;

/** What was counted, by subject. */
export function resultsOf({ findings }: Report): readonly Table[] {
  return [items(findings), ends(findings), requests(findings), publishing(findings)];
}

/** How long things took. */
export function timesOf({ findings }: Report): readonly Table[] {
  return [times(findings), drains(findings)].filter(({ rows }) => rows.length > 0);
}

function items({ protocols }: Findings): Table {
  return {
    title: "Items",
    note: "Counted on raw frames by an observer of the rehearsal's own, against what the publishers were acked.",
    columns: columns("client", "counted", ">clients", ">items", ">lost", ">repeated", ">out of order"),
    rows: protocols.flatMap((one) => [
      row(one, "on each connection", one.onConnections),
      row(one, "for each client", one.perClient),
      ...(one.given === undefined ? [] : [row(one, "given out by the library", one.given)]),
    ]),
  };
}

function row(one: ProtocolFindings, counted: string, { lost, repeated, outOfOrder }: Counts): readonly Cell[] {
  const figures = [lost, repeated, outOfOrder].map((n) => badIf(n > 0, count(n)));
  return [one.protocol, counted, count(one.clients), count(one.items), ...figures];
}

function ends({ protocols }: Findings): Table {
  return {
    title: "Connections",
    note:
      "Handed over: left for another that stood already. On both: items that came on two connections while both stood. " +
      "Missed: items that passed while a client without a cursor had no connection.",
    columns: columns(
      "client",
      ">opened",
      ">handed over",
      ">on both",
      ">missed",
      ">gaps",
      ">refused",
      ">reset",
      "ended with",
    ),
    rows: protocols.map((one) => [
      one.protocol,
      count(one.connections),
      count(one.handedOver),
      count(one.twice),
      count(one.missedWhileDisconnected),
      badIf(one.gapsTold > 0, count(one.gapsTold)),
      count(one.refused),
      count(one.reset),
      kinds(one.ends),
    ]),
  };
}

function requests({ requests: { kept, fresh, failures }, faults }: Findings): Table {
  const judged = (faults.request ?? 0) > 0;
  const failed = sorted(failures).map(([kind, n]) => [`failed: ${kind}`, badIf(judged, count(n))]);
  return {
    title: "HTTP requests",
    columns: columns("what", ">n"),
    rows: [
      ["sent on kept-alive connections", count(kept)],
      ["sent on connections of their own", count(fresh)],
      ...(failed.length > 0 ? failed : [["failed", "0"]]),
    ],
  };
}

function publishing({ publishing: p }: Findings): Table {
  return {
    title: "Publishing",
    columns: columns("what", ">n"),
    rows: [
      ["items published", count(p.published)],
      ["acked", count(p.acked)],
      ["of these, only when sent again", count(p.known)],
      ["of these, lost in the journal", badIf(p.ackLost > 0, count(p.ackLost))],
      ["of these, twice in the journal", badIf(p.ackRepeated > 0, count(p.ackRepeated))],
      ["never acked", count(p.unacked)],
      ["of these, in the journal all the same", count(p.unackedOnce)],
    ],
  };
}

function times({ protocols, publishing: p, requests: r }: Findings): Table {
  const rows: readonly (readonly [string, Distribution])[] = [
    ...protocols.map(({ protocol, pauses }) => [`longest pause of a ${protocol} client`, pauses] as const),
    ...protocols.map(({ protocol, reconnects }) => [`without a connection, ${protocol}`, reconnects] as const),
    ["an item's publishing, until acked", p.latency],
    ["an item sent after its time", p.lateness],
    ["an HTTP request", r.latency],
  ];
  return {
    title: "Pauses and latencies",
    note: "Against the schedule by which items were due (open loop). 0 without a connection: the next one stood before.",
    columns: columns("what", ">n", ">p50 ms", ">p99 ms", ">max ms"),
    rows: rows
      .filter(([, { count: n }]) => n > 0)
      .map(([what, { count: n, p50, p99, max }]) => [what, count(n), inMs(p50), inMs(p99), inMs(max)]),
  };
}

function drains({ replicas }: Findings): Table {
  const ended = replicas.filter(({ goneMs }) => goneMs !== undefined);
  const longest = new Map<string, number>();
  for (const { phases } of ended) {
    for (const { phase, ms } of phases) longest.set(phase, Math.max(ms, longest.get(phase) ?? 0));
  }
  const phases = [...longest].filter(([, ms]) => ms >= WORTH_A_COLUMN_MS).map(([phase]) => phase);
  return {
    title: "Drains",
    note: "Seconds; in all: from being told to go to the end of the process.",
    columns: columns("replica", ...phases.map((phase) => `>${phase}`), ">in all", "exit"),
    rows: ended.map((replica) => [
      replica.name,
      ...phases.map((name) => {
        const spent = replica.phases.filter(({ phase }) => phase === name);
        return spent.length === 0 ? "" : inSeconds(spent.reduce((sum, { ms }) => sum + ms, 0));
      }),
      inSeconds(replica.goneMs ?? 0),
      badIf(replica.killed === "grace_over", exitOf(replica)),
    ]),
  };
}

/** `0`, `SIGKILL, killed on purpose`. */
export function exitOf({ exit, killed }: ReplicaFindings): string {
  return killed === undefined ? exit : `${exit}, ${KILLED[killed]}`;
}

const KILLED: Readonly<Record<NonNullable<ReplicaFindings["killed"]>, string>> = {
  chaos: "killed on purpose",
  grace_over: "out of grace",
};

/** The first of each kind come first. */
export function evidenceOf({ findings: { evidence } }: Report): Table {
  return {
    title: "Evidence",
    columns: columns("kind", ">at", "who", "replica", "what was seen", "judged"),
    rows: evidence.map((one) => [
      one.kind.replaceAll("_", " "),
      moment(one.at),
      one.connection === undefined ? one.who : `${one.who}, connection ${one.connection}`,
      one.replica ?? "",
      seen(one),
      one.judged ? { text: "yes", mark: "bad" } : "no",
    ]),
  };
}

/** What was done on purpose, in its order. */
export function stepsOf({ series: { rounds } }: Report): Table {
  return {
    title: "Steps",
    columns: columns(">round", ">at", "what"),
    rows: rounds.flatMap(({ n, fromMs, toMs, acts = [] }) => [
      [count(n), moment(fromMs), "begins"],
      ...acts.map(({ atMs, what }) => [count(n), moment(atMs), what]),
      [count(n), moment(toMs), "is over"],
    ]),
  };
}

/** The item, where it is about one, and what became of it. */
export function seen({ item, text }: Evidence): string {
  return item === undefined ? text : `${item} ${text}`;
}

export function settingsOf({ environment, options }: Report): readonly Table[] {
  return [
    { title: "Environment", columns: columns("what", "value"), rows: Object.entries(environment) },
    { title: "Options", columns: columns("option", "value"), rows: Object.entries(options) },
  ];
}

/** `1012: 40, FIN: 2` */
function kinds(numbers: Readonly<Record<string, number>>): string {
  return sorted(numbers)
    .map(([kind, n]) => `${kind}: ${count(n)}`)
    .join(", ");
}

/** The most frequent first. */
function sorted(numbers: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  return Object.entries(numbers).sort(([, a], [, b]) => b - a);
}
