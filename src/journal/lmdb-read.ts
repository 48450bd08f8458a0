import { numberOf, type Position } from "../protocol/ids.js";
import { judgeCursor, PAGE_BYTES } from "./cursor.js";
import { decodeEntry, entryKey, type StreamRecord } from "./lmdb-records.js";
import { idAt } from "./lmdb-retention.js";
import type { Database } from "./lmdb-store.js";
import type { Entry, Page } from "./port.js";

/** Up to `limit` entries after `position`, or why there are none. All that is read must be of the stream's moment. */
export function readPage(entries: Database, stream: StreamRecord, position: Position, limit: number): Page {
  const { no, head, base } = stream;
  const last = numberOf(head);
  const after = position === "oldest" ? base : position === "now" ? head : position;
  const reason = judgeCursor(after, base, (n) => {
    if (n === last) return head;
    return n < last ? idAt(entries, no, n) : undefined;
  });
  if (reason !== undefined) return { type: "gap", after, cursor: reason === "trimmed" ? base : head, reason, head };
  return { type: "entries", after, entries: entriesAfter(entries, no, numberOf(after), last, limit), head };
}

function entriesAfter(database: Database, no: number, after: number, last: number, limit: number): Entry[] {
  const entries: Entry[] = [];
  if (after === last) return entries;
  const range = { start: entryKey(no, after + 1), end: entryKey(no, last + 1), limit };
  let bytes = 0;
  for (const { value } of database.getRange(range)) {
    entries.push(decodeEntry(after + 1 + entries.length, value));
    bytes += value.length;
    if (bytes >= PAGE_BYTES) break;
  }
  return entries;
}
