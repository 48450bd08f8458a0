import type { EvidenceBook } from "./evidence.js";
import type { Findings } from "./findings.js";
import { hasFailed, type RunRecord } from "./record.js";
import { goingAt } from "./rollouts.js";
import { distribution } from "./statistics.js";

export function judgeRequests(run: RunRecord, judged: boolean, book: EvidenceBook): Findings["requests"] {
  const failures: Record<string, number> = {};
  const count = { kept: 0, fresh: 0 };
  for (const { at, kind, ms, outcome } of run.requests) {
    count[kind] += 1;
    if (!hasFailed(outcome)) continue;
    failures[outcome] = (failures[outcome] ?? 0) + 1;
    book.note("request", at, judged, () => {
      const going = goingAt(run, at + ms);
      const when =
        going?.deletedAt === undefined
          ? ""
          : `, ${(at - going.deletedAt).toFixed(0)} ms after ${going.name} was told to go`;
      const on = kind === "kept" ? "on a connection kept alive" : "on a fresh connection";
      const text = `a request ${on} failed after ${ms.toFixed(0)} ms: ${outcome}${when}`;
      return { who: "requests", ...(going && { replica: going.name }), text };
    });
  }
  return { ...count, failures, latency: distribution(run.requests.map(({ ms }) => ms)) };
}
