import type { GapReason, Id, Position } from "../protocol/ids.js";

/** One item as the journal keeps it. */
export interface Entry {
  readonly id: Id;
  /** When it was appended: ms since the Unix epoch, by the journal's clock. */
  readonly at: number;
  /** The data's JSON, byte for byte as published. */
  readonly data: string;
}

/** What is to be appended. Keys belong to a stream and a publisher. */
export interface Publication {
  readonly publisher: string;
  readonly key: string;
  readonly data: string;
}

/**
 * What became of one publication: its id (`repeated` when the same key and data were appended before), or the refusal of
 * a key that was used with other data.
 */
export type Appended =
  | { readonly type: "appended"; readonly id: Id; readonly repeated: boolean }
  | { readonly type: "key_reused"; readonly id: Id };

export type { GapReason };

/**
 * One answer of `read` or `follow`. Cursor and entries are judged together, atomically: either `entries` follow the asked
 * cursor without a hole (an empty list says that the cursor is valid and nothing is behind it), or the cursor was not
 * valid and `cursor` says where reading may go on (after the trim base, or at the head).
 */
export type Page =
  | {
      readonly type: "entries";
      /** The cursor the entries follow: the one asked for, or what `oldest` or `now` stood for. */
      readonly after: Id;
      readonly entries: readonly Entry[];
      /** The stream's last id at that moment. */
      readonly head: Id;
    }
  | { readonly type: "gap"; readonly after: Id; readonly cursor: Id; readonly reason: GapReason; readonly head: Id };

/**
 * An ordered, append-only record of items, one order for each stream. A stream is made when it is first named.
 * Every method rejects with `journal_unavailable` when the backend cannot be reached, `too_many_streams` when a new
 * stream would pass the limit. One contract suite (test/journal/contract.ts) holds every backend to this text.
 */
export interface Journal {
  /** Short name of the backend, for logs and figures. */
  readonly backend: string;
  /** How long a key is promised to be known, ms. */
  readonly keyTtlMs: number;
  /**
   * Appends in the order given, as one transaction; resolves when it is as durable as the backend's settings promise.
   * The answers stand in the same order. The same key and data give the first one's id for 2 x `keyTtlMs`.
   */
  append(stream: string, publications: readonly Publication[], signal?: AbortSignal): Promise<readonly Appended[]>;
  /** Up to `limit` entries after `position`, fewer when they are large: only an empty page says that none is left. */
  read(stream: string, position: Position, limit: number, signal?: AbortSignal): Promise<Page>;
  /** The id of the stream's last entry, or its trim base when it has none. */
  head(stream: string, signal?: AbortSignal): Promise<Id>;
  /**
   * Pages after `after` as they come, without end: only pages that hold entries or tell a gap (after which it goes on
   * from the gap's cursor). Ends when `signal` aborts or the journal closes; throws when the backend is lost.
   */
  follow(stream: string, after: Id, signal: AbortSignal): AsyncIterable<Page>;
  /** Resolves when the backend answers and can be written to. */
  check(signal?: AbortSignal): Promise<void>;
  /** Frees what the journal holds; followers end, later calls reject with `journal_unavailable`. Idempotent. */
  close(): Promise<void>;
}

/** Settings every backend shares. */
export interface JournalOptions {
  /** Entries kept in a stream; more are trimmed, oldest first. 0 keeps all. Default 100,000. */
  readonly retentionItems: number;
  /** Age beyond which entries are trimmed, ms. 0 keeps all. Default 24 h. */
  readonly retentionMs: number;
  /** How long a key is promised to be known, ms (kept twice as long). Default 120,000. */
  readonly keyTtlMs: number;
  /** Streams that may exist. Default 1,000. */
  readonly maxStreams: number;
  /**
   * Redis only: replicas that must have an append before it resolves (`WAIT`); fewer within 1 s reject it with
   * `journal_unavailable`. Default 0.
   */
  readonly redisWait: number;
}

export const JOURNAL_DEFAULTS: JournalOptions = {
  retentionItems: 100_000,
  retentionMs: 86_400_000,
  keyTtlMs: 120_000,
  maxStreams: 1_000,
  redisWait: 0,
};
