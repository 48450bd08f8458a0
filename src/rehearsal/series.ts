/** `seriesOf(run)`: what the pictures are drawn from, in steps of one length over the whole run. */
import type { Series } from "./findings.js";
import { Pauses } from "./pauses.js";
import type { ClientRecord, RunRecord } from "./record.js";
import { Truth } from "./truth.js";

/** More steps than this show nothing more in a picture. */
const MOST_STEPS = 600;
const STEPS_MS = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const;
const UNKNOWN = "?";
/** `pod-2` comes before `pod-10`. */
const NAMES = new Intl.Collator("en", { numeric: true });

export function seriesOf(run: RunRecord): Series {
  const stepMs = STEPS_MS.find((step) => run.to / step <= MOST_STEPS) ?? Math.ceil(run.to / MOST_STEPS);
  const steps = Math.floor(run.to / stepMs) + 1;
  const stepOf = (at: number) => Math.min(steps, Math.max(0, Math.ceil(at / stepMs)));
  const pauses = new Array<number>(steps).fill(0);
  const reconnects = new Array<number>(steps).fill(0);
  const changes = new Map<string, Int32Array>();
  const change = (replica: string, at: number, by: number) => {
    const counts = changes.get(replica) ?? new Int32Array(steps + 1);
    changes.set(replica, counts);
    counts[stepOf(at)] = (counts[stepOf(at)] ?? 0) + by;
  };
  const waiting = new Pauses(run, new Truth(run));
  for (const client of run.clients) {
    connectionsOf(client, ({ replica, from, to }, i) => {
      change(replica, from, 1);
      if (to < run.to) change(replica, to, -1);
      const step = Math.floor(from / stepMs);
      if (i > 0 && step < steps) reconnects[step] = (reconnects[step] ?? 0) + 1;
    });
    waiting.visit(client, (endedAt, ms) => {
      const step = Math.min(steps - 1, Math.floor(endedAt / stepMs));
      pauses[step] = Math.max(pauses[step] ?? 0, ms);
    });
  }
  const byName = [...changes].toSorted(([a], [b]) => NAMES.compare(a, b));
  return {
    stepMs,
    connections: byName.map(([replica, counts]) => ({ replica, counts: runningTotal(counts).slice(0, steps) })),
    pauses,
    reconnects,
    rounds: run.rounds.map(({ n, from, to }) => ({ n, fromMs: from, toMs: to })),
  };
}

interface Standing {
  readonly replica: string;
  readonly from: number;
  to: number;
}

/** Tells of each connection that stood, in the order they came about. */
function connectionsOf({ sightings }: ClientRecord, tell: (standing: Standing, i: number) => void): void {
  const byNumber = new Map<number, Standing>();
  for (const seen of sightings) {
    if (seen.type === "open") {
      byNumber.set(seen.connection, { replica: seen.replica ?? UNKNOWN, from: seen.at, to: Number.POSITIVE_INFINITY });
    }
    const standing = byNumber.get(seen.connection);
    if (standing === undefined) continue;
    if (seen.type === "end" || seen.type === "leave") standing.to = Math.min(standing.to, seen.at);
  }
  for (const [i, standing] of [...byNumber.values()].entries()) tell(standing, i);
}

function runningTotal(changes: Int32Array): readonly number[] {
  let total = 0;
  return Array.from(changes, (change) => {
    total += change;
    return total;
  });
}
