import { numberOf } from "../protocol/ids.js";
import type { EvidenceBook } from "./evidence.js";
import type { Findings } from "./findings.js";
import type { Published, RunRecord } from "./record.js";
import { Sequence } from "./sequence.js";
import { distribution } from "./statistics.js";
import { nameOf, type Truth } from "./truth.js";

/**
 * Judges the journal against what was published: every acked item once, where it was acked; what was not acked once or
 * not at all; and the journal itself, whose numbers are dense.
 */
export function judgeJournal(run: RunRecord, truth: Truth, book: EvidenceBook): Findings["publishing"] {
  const counts = { acked: 0, known: 0, unacked: 0, unackedOnce: 0, ackLost: 0, ackRepeated: 0 };
  for (const item of run.published) {
    const { outcome } = item;
    const copies = truth.copies(item);
    if (outcome.type === "unacked") {
      counts.unacked += 1;
      if (copies.length === 1) counts.unackedOnce += 1;
      if (copies.length > 1)
        note(book, truth, "repeated", run.to, item, `is in the journal ${copies.length} times, without an ack`);
      continue;
    }
    counts.acked += 1;
    if (outcome.known) counts.known += 1;
    if (truth.journal === undefined) continue;
    const broken = (text: string) => note(book, truth, "ack_broken", outcome.at, item, text);
    const [entry] = copies;
    if (entry === undefined) {
      counts.ackLost += 1;
      broken("was acked, but is not in the journal");
    } else if (copies.length > 1) {
      counts.ackRepeated += 1;
      broken(`was acked once, but is in the journal as ${copies.map(({ id }) => id).join(" and ")}`);
    } else if (outcome.id !== undefined && outcome.id !== entry.id) {
      broken(`was acked as ${outcome.id}, but is ${entry.id} in the journal`);
    }
  }
  judgeNumbers(run, truth, book);
  const acks = run.published.flatMap(({ sentAt, outcome }) => (outcome.type === "acked" ? outcome.at - sentAt : []));
  return {
    published: run.published.length,
    ...counts,
    lateness: distribution(run.published.map(({ dueAt, sentAt }) => sentAt - dueAt)),
    latency: distribution(acks),
  };
}

function note(
  book: EvidenceBook,
  truth: Truth,
  kind: "repeated" | "ack_broken",
  at: number,
  item: Published,
  text: string,
): void {
  const { outcome } = item;
  const id = truth.copies(item)[0]?.id ?? (outcome.type === "acked" ? outcome.id : undefined);
  book.note(kind, at, true, () => ({ who: `publisher ${item.publisher}`, item: nameOf(item, id), text }));
}

/** Dense, in order, and nothing under the rehearsal's name that it did not publish. */
function judgeNumbers({ journal = [], to }: RunRecord, truth: Truth, book: EvidenceBook): void {
  const [first] = journal;
  if (first === undefined) return;
  const sequence = new Sequence(numberOf(first.id) - 1);
  for (const { id, mark } of journal) {
    const tell = (text: string) => () => ({ who: "journal", item: nameOf(mark, id), text });
    const step = sequence.take(numberOf(id), to);
    if (mark !== undefined && truth.published(mark) === undefined) {
      book.note("foreign", to, true, tell("was never published"));
    } else if (step === "late") book.note("out_of_order", to, true, tell("stands after a later one"));
    // An item of the rehearsal that is there twice is named with its ack.
    else if (step === "again" && mark === undefined) book.note("repeated", to, true, tell("stands there twice"));
  }
  const acked = new Set<number>();
  for (const item of truth.lines.flatMap(({ items }) => items)) {
    if (item?.outcome.type === "acked" && item.outcome.id) acked.add(numberOf(item.outcome.id));
  }
  for (const hole of sequence.holes) {
    for (let n = hole.from; n <= hole.to; n += 1) {
      const text = "is not in the journal, though a later one is";
      // A hole where an acked item was is named with its ack.
      if (!acked.has(n)) book.note("lost", to, true, () => ({ who: "journal", item: `number ${n}`, text }));
    }
  }
}
