/**
 * `verdictOf(findings, run)`: the command's answer. A fault that counts fails the rehearsal, whatever else there was: it
 * was seen. Without one, anything that keeps the rehearsal from having shown much makes it inconclusive, never a pass.
 * So does who interrupts it: nobody waited for what may still have come.
 */
import { type Evidence, type FaultKind, type Findings, LOOP_LAG_MS, type Verdict } from "./findings.js";
import type { RunRecord } from "./record.js";
import { belowAt95 } from "./statistics.js";

/** A publisher that is this late with half of its items does not keep its schedule, p50, ms. */
const BEHIND_MS = 100;

/** The weightiest first. */
const WORDS: readonly (readonly [FaultKind, string])[] = [
  ["lost", "lost"],
  ["repeated", "repeated"],
  ["out_of_order", "out of order"],
  ["gap", "gaps told"],
  ["ack_broken", "acks broken"],
  ["foreign", "foreign or out of turn"],
  ["cut_short", "cut short"],
  ["broken_before_made", "hand-overs broken before they were made"],
  ["request", "requests failed"],
  ["out_of_grace", "killed at the end of the grace period"],
  ["refused", "connections refused"],
];

export function verdictOf(findings: Findings, run: RunRecord): Verdict {
  const faults = findings.evidence.filter(({ judged }) => judged).toSorted((a, b) => a.at - b.at);
  const doubts = doubtsOf(findings, run);
  const [first] = faults;
  const counts = WORDS.flatMap(([kind, words]) => (findings.faults[kind] ? `${findings.faults[kind]} ${words}` : []));
  const counted = first && `${counts.join(", ")}; first: ${tell(first)}`;
  const firstOfEach = WORDS.flatMap(([kind]) => faults.find((fault) => fault.kind === kind) ?? []).map(tell);
  if (run.interrupted) {
    const text = `it was interrupted${counted === undefined ? "" : `; until then: ${counted}`}`;
    return inconclusive(text, [text, ...firstOfEach, ...run.troubles]);
  }
  if (counted !== undefined) {
    return { type: "fail", exitCode: 1, text: counted, reasons: [...firstOfEach, ...doubts], worth: undefined };
  }
  const [doubt] = doubts;
  if (doubt !== undefined) return inconclusive(doubt, doubts);
  const items = findings.protocols.reduce((total, { items }) => total + items, 0);
  const late = findings.replicas.filter(({ killed }) => killed === "grace_over").length;
  const but = late === 0 ? "" : `; but ${late} of the replicas had to be killed at the end of the grace period`;
  const text = `${items} items given in ${findings.rolled} rollouts: nothing lost, repeated or out of order${but}`;
  return { type: "pass", exitCode: 0, text, reasons: [text], worth: worthOf(findings.rolled) };
}

function inconclusive(text: string, reasons: readonly string[]): Verdict {
  return { type: "inconclusive", exitCode: 3, text, reasons, worth: undefined };
}

/** `client 17, connection 2, on pod-3, at 12.345 s: publisher p1, item 204 (205-k3j2h1aa) never came …`. */
export function tell({ who, connection, replica, at, item, text }: Evidence): string {
  const where = [
    who,
    ...(connection === undefined ? [] : [`connection ${connection}`]),
    ...(replica === undefined ? [] : [`on ${replica}`]),
    `at ${(at / 1_000).toFixed(3)} s`,
  ].join(", ");
  return `${where}: ${item === undefined ? "" : `${item} `}${text}`;
}

function doubtsOf(findings: Findings, run: RunRecord): readonly string[] {
  const { rolled, notReplaced, withoutSentinel, publishing, loopLagP99Ms, protocols } = findings;
  const items = protocols.reduce((total, protocol) => total + protocol.items, 0);
  const late = publishing.lateness.p50;
  return [
    ...run.troubles,
    ...(rolled === 0 ? ["nothing was rolled"] : []),
    ...(items === 0 ? ["no items flowed"] : []),
    ...(notReplaced > 0 ? [`${notReplaced} connections that stood at the start were not replaced`] : []),
    // Where the service has items of its own, nothing but the rolling has an end.
    ...(run.published.length > 0 && run.sentinels.length === 0
      ? ["no last item could be published: nobody knows whether all got to the end"]
      : []),
    ...(withoutSentinel > 0 ? [`${withoutSentinel} clients did not get to the end`] : []),
    ...(late > BEHIND_MS
      ? [`the publishers were behind their schedule: half of the items ${late.toFixed(0)} ms or more`]
      : []),
    ...(loopLagP99Ms > LOOP_LAG_MS
      ? [
          `the rehearsal itself was too slow: its event loop was ${loopLagP99Ms.toFixed(0)} ms late (p99; ${LOOP_LAG_MS} at most)`,
        ]
      : []),
  ];
}

function worthOf(rollouts: number): string {
  const below = belowAt95(rollouts);
  if (below === undefined) return `0 losses in ${rollouts} rollouts: too few to bound how many lose`;
  const percent = (below * 100).toPrecision(2).replace(/\.0$/, "");
  return `0 losses in ${rollouts} rollouts: below ${percent} % of rollouts lose, at 95 %`;
}
