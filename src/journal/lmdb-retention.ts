import { type Id, numberOf } from "../protocol/ids.js";
import { entryId, entryKey, entryTime, type StreamRecord } from "./lmdb-records.js";
import type { Database } from "./lmdb-store.js";
import type { JournalOptions } from "./port.js";

/**
 * Trims one stream inside a write transaction: its base moves at once to where count and age want it, at the cost of a
 * few look-ups; of the entries that this hides no more than `budget` are removed now, the rest with later calls.
 */
export function trim(
  entries: Database,
  stream: StreamRecord,
  options: JournalOptions,
  epoch: number,
  budget: number,
): StreamRecord {
  const before = numberOf(stream.base);
  const n = target(entries, stream, before, options, epoch);
  const base = n > before ? (idAt(entries, stream.no, n) ?? stream.base) : stream.base;
  const swept = Math.min(numberOf(base), stream.swept + budget);
  for (let gone = stream.swept + 1; gone <= swept; gone += 1) void entries.remove(entryKey(stream.no, gone));
  return base === stream.base && swept === stream.swept ? stream : { ...stream, base, swept };
}

/** The last entry that is to go, by its number. */
function target(
  entries: Database,
  { no, head }: StreamRecord,
  base: number,
  { retentionItems, retentionMs }: JournalOptions,
  epoch: number,
): number {
  const last = numberOf(head);
  const byCount = retentionItems === 0 ? base : Math.max(base, last - retentionItems);
  if (retentionMs === 0) return byCount;
  const oldest = epoch - retentionMs;
  const isOld = (n: number) => (timeAt(entries, no, n) ?? epoch) < oldest;
  if (byCount >= last || !isOld(byCount + 1)) return byCount;
  // Times never fall inside a stream: the last old one is found by halving.
  let old = byCount + 1;
  let young = last + 1;
  while (young - old > 1) {
    const middle = Math.floor((old + young) / 2);
    if (isOld(middle)) old = middle;
    else young = middle;
  }
  return old;
}

/** The id of the entry numbered `n`, where it stands. */
export function idAt(entries: Database, no: number, n: number): Id | undefined {
  const value = entries.get(entryKey(no, n));
  return value && entryId(n, value);
}

function timeAt(entries: Database, no: number, n: number): number | undefined {
  const value = entries.get(entryKey(no, n));
  return value && entryTime(value);
}
