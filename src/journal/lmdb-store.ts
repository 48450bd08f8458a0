import { statSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import { LastcallError, toError } from "../base/errors.js";
import { FILE } from "./lmdb-folder.js";
import { decodeFacts, FACTS_KEY, type Facts } from "./lmdb-records.js";

/** What this backend uses of one LMDB database: keys and values are bytes. */
export interface Database {
  get(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array): Promise<boolean>;
  remove(key: Uint8Array): Promise<boolean>;
  clearAsync(): Promise<void>;
  getRange(options: { start: Uint8Array; end: Uint8Array; limit?: number }): Iterable<{
    key: Uint8Array;
    value: Uint8Array;
  }>;
}

/** The databases of one journal's file, and its transactions. Failures are told as `journal_unavailable`. */
export interface Databases {
  /** The facts, and the streams by name. */
  readonly state: Database;
  readonly entries: Database;
  readonly keys: readonly [Database, Database];
  /** Runs `action`, which must not wait, as one transaction; resolves when that is durable. When it throws, nothing is. */
  write<T>(action: () => T): Promise<T>;
  /** Everything `action`, which must not wait, reads is of one moment: now. */
  read<T>(action: () => T): T;
  /** Gives back what processes held that were killed while they read. */
  forgetDead(): void;
  close(): Promise<void>;
}

/**
 * How large the file may grow; an append that would pass it is refused like one on a full disk. It is address space that
 * is reserved, neither disk nor memory: the retention bounds the file long before.
 */
const MAP_BYTES = 2 ** 38;

const RAW = { encoding: "binary", keyEncoding: "binary" } as const;

/** Opens or makes the file in `folder`. To be called once for a folder in a process: opening waits for whoever writes. */
export function openDatabases(folder: string): Databases {
  const file = join(folder, FILE);
  const root = open<Uint8Array, Uint8Array>({
    ...RAW,
    path: file,
    noSubdir: true,
    mapSize: MAP_BYTES,
    // A commit is seen by nobody before it is on the disk; what readers saw could otherwise be gone after a crash.
    overlappingSync: false,
    // Batching by turns is the batcher's; lmdb's own leaves a rejection unhandled when a commit fails.
    eventTurnBatching: false,
  });
  const inode = inodeOf(file);
  const checkFile = () => {
    // The map would go on working, on a file that nobody else can find any more.
    if (inodeOf(file) !== inode) throw unavailable(`${file} was removed or replaced while it was in use; restart`);
  };
  const state = root.openDB("state", RAW);
  return {
    state,
    entries: root.openDB("entries", RAW),
    keys: [root.openDB("keys-0", RAW), root.openDB("keys-1", RAW)],
    async write(action) {
      try {
        // A child: one that throws is undone, where lmdb would commit what the action had written until then.
        const result = await root.childTransaction(action);
        checkFile();
        return result;
      } catch (thrown) {
        throw await refusalOf(thrown);
      }
    },
    read(action) {
      checkFile();
      try {
        // lmdb keeps a snapshot for the rest of the event loop's turn; in the meantime others may have committed.
        root.resetReadTxn();
        return action();
      } catch (thrown) {
        if (thrown instanceof LastcallError) throw thrown;
        throw unavailable(`The journal cannot be read: ${toError(thrown).message}`, thrown);
      }
    },
    forgetDead: () => void root.readerCheck(),
    close: () => root.close(),
  };
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino;
}

/** What is known of the store beside its streams; of a new one nothing but that. */
export function readFacts(state: Database): Facts {
  const value = state.get(FACTS_KEY);
  if (value === undefined) return { streams: 0, young: 0, since: 0, lifeMs: 0, oldLifeMs: 0 };
  const facts = decodeFacts(value);
  if (facts !== undefined) return facts;
  throw new LastcallError(
    "invalid_settings",
    `${FILE} was written by another release of lastcall in a form unknown here`,
  );
}

/** lmdb tells why a commit failed in a promise of its own, which must not stay without a listener either. */
async function refusalOf(thrown: unknown): Promise<LastcallError> {
  if (thrown instanceof LastcallError) return thrown;
  const error = toError(thrown);
  const cause = "commitError" in error ? await Promise.resolve(error.commitError).then(() => error, toError) : error;
  return unavailable(`The journal cannot be written (is its disk full?): ${cause.message}`, cause);
}

function unavailable(message: string, cause?: unknown): LastcallError {
  return new LastcallError("journal_unavailable", message, { cause });
}
