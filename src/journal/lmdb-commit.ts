import { makeId, numberOf } from "../protocol/ids.js";
import type { Append, Committed } from "./batcher.js";
import { KeyBatch } from "./lmdb-keys.js";
import {
  decodeStream,
  encodeEntry,
  encodeFacts,
  encodeStream,
  entryKey,
  FACTS_KEY,
  type Facts,
  PROOF_KEY,
  STREAMS_END,
  type StreamRecord,
  streamKey,
  streamName,
} from "./lmdb-records.js";
import { trim } from "./lmdb-retention.js";
import { type Databases, readFacts } from "./lmdb-store.js";
import type { Appended, JournalOptions, Publication } from "./port.js";
import { tooManyStreams } from "./refusals.js";

/** Entries removed from a stream by one transaction beyond twice what it adds. */
const LEAST_REMOVED = 64;

/** Streams looked at, and entries removed from each of them, by one sweep. */
const SWEEP_STREAMS = 1_000;
const SWEEP_REMOVED = 5_000;

export interface Writing {
  readonly databases: Databases;
  readonly options: JournalOptions;
  readonly tag: () => string;
  /** ms since the Unix epoch. */
  readonly epoch: number;
}

/** Appends everything, inside one write transaction; the answers stand in the order of the appends. */
export function commit(appends: readonly Append[], writing: Writing): Committed[] {
  const transaction = new Transaction(writing);
  const answers = appends.map(({ stream, publications }) => transaction.append(stream, publications));
  transaction.write();
  return answers;
}

/** A stream as the transaction finds it, and as it leaves it. */
interface Touched {
  /** Undefined when this transaction makes it. */
  readonly stored: StreamRecord | undefined;
  readonly stream: StreamRecord;
  readonly added: number;
}

class Transaction {
  readonly #writing: Writing;
  readonly #before: Facts;
  readonly #keys: KeyBatch;
  readonly #touched = new Map<string, Touched>();
  #made = 0;

  constructor(writing: Writing) {
    const { databases, options, epoch } = writing;
    this.#writing = writing;
    this.#before = readFacts(databases.state);
    this.#keys = new KeyBatch(databases.keys, this.#before, 2 * options.keyTtlMs, epoch);
  }

  append(name: string, publications: readonly Publication[]): Committed {
    const { databases, options, tag, epoch } = this.#writing;
    const touched = this.#touched.get(name) ?? this.#find(name);
    if (touched === undefined) return tooManyStreams(options.maxStreams);
    const { stored, stream, added } = touched;
    // A clock that was set back does not make the stream's times fall.
    const at = Math.max(epoch, stream.at);
    const first = numberOf(stream.head) + 1;
    let { head } = stream;
    let n = first;
    const answers = publications.map((publication): Appended => {
      const verdict = this.#keys.judge(stream.no, publication);
      if (verdict.type === "other") return { type: "key_reused", id: verdict.id };
      if (verdict.type === "same") return { type: "appended", id: verdict.id, repeated: true };
      const entryTag = tag();
      head = makeId(n, entryTag);
      void databases.entries.put(entryKey(stream.no, n), encodeEntry(at, entryTag, publication.data));
      this.#keys.learn(stream.no, publication, head);
      n += 1;
      return { type: "appended", id: head, repeated: false };
    });
    const after = n === first ? stream : { ...stream, head, at };
    this.#touched.set(name, { stored, stream: after, added: added + n - first });
    return answers;
  }

  write(): void {
    const { databases, options, epoch } = this.#writing;
    this.#keys.write();
    for (const [name, { stored, stream, added }] of this.#touched) {
      const kept = trim(databases.entries, stream, options, epoch, 2 * added + LEAST_REMOVED);
      if (kept !== stored) void databases.state.put(streamKey(name), encodeStream(kept));
    }
    const facts = { ...this.#keys.facts, streams: this.#before.streams + this.#made };
    if (!sameFacts(facts, this.#before)) void databases.state.put(FACTS_KEY, encodeFacts(facts));
  }

  /** The stream of that name, made if need be; undefined when no more may be made. */
  #find(name: string): Touched | undefined {
    const { databases, options, tag, epoch } = this.#writing;
    const value = databases.state.get(streamKey(name));
    if (value !== undefined) {
      const stored = decodeStream(value);
      return { stored, stream: stored, added: 0 };
    }
    const no = this.#before.streams + this.#made;
    if (no >= options.maxStreams) return undefined;
    this.#made += 1;
    const base = makeId(0, tag());
    return { stored: undefined, stream: { no, head: base, base, at: epoch, swept: 0 }, added: 0 };
  }
}

/**
 * Trims streams that nobody appends to, inside one write transaction: those whose names come after `from`, up to a bound.
 * Gives the name to go on from; undefined at the end.
 */
export function sweep(from: string | undefined, { databases, options, epoch }: Writing): string | undefined {
  const { state, entries } = databases;
  const range = { start: streamKey(from === undefined ? "" : `${from}\0`), end: STREAMS_END, limit: SWEEP_STREAMS };
  // All of them are read before the first is written: a write would move the cursor that reads.
  const found = [...state.getRange(range)].map(({ key, value }) => ({ key, stream: decodeStream(value) }));
  for (const { key, stream } of found) {
    const kept = trim(entries, stream, options, epoch, SWEEP_REMOVED);
    if (kept !== stream) void state.put(key, encodeStream(kept));
  }
  const last = found.at(-1)?.key;
  return last === undefined || found.length < SWEEP_STREAMS ? undefined : streamName(last);
}

/** Writes something, to see whether that can be done. */
export function prove({ databases, epoch }: Writing): void {
  void databases.state.put(PROOF_KEY, Buffer.from(String(epoch)));
}

function sameFacts(a: Facts, b: Facts): boolean {
  return (
    a.streams === b.streams &&
    a.young === b.young &&
    a.since === b.since &&
    a.lifeMs === b.lifeMs &&
    a.oldLifeMs === b.oldLifeMs
  );
}
