/**
 * The judge of a rehearsal. `findingsOf(run, { requestsJudged })` goes through everything that was seen, and says what
 * was lost, repeated, out of order or promised and not kept, with the first evidence of each. It is pure: the same record
 * gives the same findings. What they mean for the exit code is verdict.ts's; pictures are series.ts's.
 *
 * Clients are judged by the journal (or, without one, by what was acked); the journal is judged by the acks: so that
 * what is broken in one place is named once.
 */
import { ClientLedger } from "./client-ledger.js";
import { EvidenceBook } from "./evidence.js";
import type { Findings } from "./findings.js";
import { judgeGiven } from "./given-ledger.js";
import { judgeJournal } from "./journal-ledger.js";
import { Pauses } from "./pauses.js";
import type { Protocol, RunRecord } from "./record.js";
import { judgeRequests } from "./requests-ledger.js";
import { countRolled, judgeReplicas, replicaFindings } from "./rollouts.js";
import { IdScale } from "./scale-ids.js";
import { markScale } from "./scale-marks.js";
import { busiest } from "./statistics.js";
import { Tally } from "./tally.js";
import { nameOf, Truth } from "./truth.js";
import { type Judging, Witness } from "./witness.js";

/** The stampede is the busiest span of this length, ms. */
const STAMPEDE_MS = 100;

export type { Judging } from "./witness.js";

export function findingsOf(run: RunRecord, judging: Judging): Findings {
  const truth = new Truth(run);
  const book = new EvidenceBook();
  const publishing = judgeJournal(run, truth, book);
  const requests = judgeRequests(run, judging.requestsJudged, book);
  const { tallies, longestPauseMs } = judgeClients(run, truth, judging, book);
  judgeReplicas(run, book);
  const stampede = busiest(
    tallies.flatMap(({ arrivals }) => arrivals),
    STAMPEDE_MS,
  );
  return {
    protocols: tallies.map((tally) => tally.findings()),
    publishing,
    requests,
    stampede: { connections: stampede.count, at: stampede.at },
    replicas: run.replicas.map(replicaFindings),
    rolled: countRolled(run),
    rounds: run.rounds.length,
    longestPauseMs,
    notReplaced: sum(tallies.map(({ notReplaced }) => notReplaced)),
    withoutSentinel: sum(tallies.map(({ withoutSentinel }) => withoutSentinel)),
    evidence: book.evidence,
    faults: book.faults,
    loopLagP99Ms: run.loopLagP99Ms,
  };
}

function judgeClients(run: RunRecord, truth: Truth, judging: Judging, book: EvidenceBook) {
  const ids = new IdScale(truth);
  const marks = markScale(truth);
  const pauses = new Pauses(run, truth);
  const span = { rolling: run.rounds[0]?.from ?? run.to, to: run.to };
  const tallies = new Map<Protocol, Tally>();
  let longestPauseMs = 0;
  for (const client of run.clients) {
    const tally = tallies.get(client.protocol) ?? new Tally(client.protocol);
    tallies.set(client.protocol, tally);
    const witness = new Witness(client, book, judging);
    new ClientLedger(witness, witness.resumes ? ids : marks, tally, span).judge();
    judgeGiven(client, witness, ids, tally, run.to);
    let longest = 0;
    pauses.visit(client, (_, ms) => {
      longest = Math.max(longest, ms);
    });
    tally.pauses.push(longest);
    longestPauseMs = Math.max(longestPauseMs, longest);
  }
  for (const [mark, id] of ids.misplaced) {
    const text = `was acked as another than ${id}, as which clients were given it`;
    book.note("ack_broken", run.to, true, () => ({ who: `publisher ${mark.publisher}`, item: nameOf(mark, id), text }));
  }
  return { tallies: [...tallies.values()], longestPauseMs };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
