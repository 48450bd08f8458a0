import type { EvidenceBook } from "./evidence.js";
import type { ReplicaFindings } from "./findings.js";
import type { ReplicaRecord, RunRecord } from "./record.js";

export function replicaFindings(replica: ReplicaRecord): ReplicaFindings {
  const { name, deletedAt, exitedAt, exit, end, phases } = replica;
  return {
    name,
    goneMs: deletedAt === undefined || exitedAt === undefined ? undefined : exitedAt - deletedAt,
    // Nobody was left to be drained when it was stopped with the rehearsal.
    phases: end === "stopped" ? [] : [...preStop(replica), ...phases],
    exit: end === "stopped" ? "stopped" : exit === undefined ? "running" : (exit.signal ?? String(exit.code)),
    killed: end === "grace_over" || end === "chaos" ? end : undefined,
  };
}

/** Its drain begins with what the platform waits before it sends SIGTERM; it may have ended by itself in that time. */
function preStop({ deletedAt, signalledAt, exitedAt }: ReplicaRecord): ReplicaFindings["phases"] {
  const until = signalledAt ?? exitedAt;
  return deletedAt === undefined || until === undefined ? [] : [{ phase: "preStop", ms: until - deletedAt }];
}

/** Replicas whose drain was not over when the grace period was. */
export function judgeReplicas({ replicas }: RunRecord, book: EvidenceBook): void {
  for (const { name, end, exitedAt, deletedAt } of replicas) {
    if (end !== "grace_over" || exitedAt === undefined || deletedAt === undefined) continue;
    const seconds = ((exitedAt - deletedAt) / 1_000).toFixed(1);
    const text = `was killed ${seconds} s after its deletion, at the end of the grace period: its drain was not over`;
    book.note("out_of_grace", exitedAt, false, () => ({ who: name, replica: name, text }));
  }
}

/** The one replica that was going at that time, if it was one. */
export function goingAt({ replicas }: RunRecord, at: number): ReplicaRecord | undefined {
  const going = replicas.filter(
    ({ deletedAt = Number.POSITIVE_INFINITY, exitedAt = Number.POSITIVE_INFINITY }) =>
      deletedAt <= at && at <= exitedAt,
  );
  return going.length === 1 ? going[0] : undefined;
}

/**
 * How many replicas were rolled: those that were told to go (or were killed), and went. Where the rehearsal could not
 * follow them: those that clients stood on when the first round began and none does at the end; where not even their
 * names are known: the rounds in which a server ended a connection.
 */
export function countRolled(run: RunRecord): number {
  if (run.replicas.length > 0)
    return run.replicas.filter(({ end, exitedAt }) => exitedAt !== undefined && end !== undefined && end !== "stopped")
      .length;
  const { before, after, ended } = standing(run);
  const gone = [...before].filter((name) => !after.has(name));
  if (before.size > 0) return gone.length;
  return run.rounds.filter(({ from }, i) => {
    const until = run.rounds[i + 1]?.from ?? run.to;
    return ended.some((at) => at >= from && at < until);
  }).length;
}

/** The names of replicas that clients stood on when the first round began, and at the end; and when connections ended. */
function standing({ clients, rounds, to }: RunRecord) {
  const rolling = rounds[0]?.from ?? Number.POSITIVE_INFINITY;
  const before = new Set<string>();
  const after = new Set<string>();
  const ended: number[] = [];
  for (const { sightings } of clients) {
    const names = new Map<number, string>();
    let isBefore = true;
    for (const seen of sightings) {
      if (seen.at >= to) break;
      if (isBefore && seen.at > rolling) {
        for (const name of names.values()) before.add(name);
        isBefore = false;
      }
      if (seen.type === "open" && seen.replica !== undefined) names.set(seen.connection, seen.replica);
      if (seen.type === "end" || seen.type === "leave") names.delete(seen.connection);
      if (seen.type === "end") ended.push(seen.at);
    }
    for (const name of names.values()) (isBefore ? before : after).add(name);
    if (isBefore) for (const name of names.values()) after.add(name);
  }
  return { before, after, ended };
}
