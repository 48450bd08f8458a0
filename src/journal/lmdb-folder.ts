import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  statfsSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { LastcallError, toError } from "../base/errors.js";

/** What is wrong with an `lmdb:` URL, in words that repeat nothing of it. */
export function lmdbFault(url: string): string | undefined {
  const path = url.slice("lmdb:".length);
  if (/^\/\/[^/]/.test(path)) return "lmdb:// with a host (lmdb:./folder or lmdb:/folder)";
  if (/[?#]/.test(path)) return "lmdb: with ? or # in it";
  if (path.includes("\0") || /^\/*$/.test(path)) return "lmdb: without a folder";
  return undefined;
}

/** Name of the file inside the journal's folder; LMDB puts its lock file beside it. */
export const FILE = "journal.mdb";

/** With less than this left on the disk the store is not opened: LMDB maps its files, and dies where a page finds no room. */
const LEAST_FREE_BYTES = 1_048_576;

/** LMDB's MDB_MAGIC as it stands in its first page. */
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);

/**
 * The folder that an `lmdb:` URL names (`lmdb:./data` from the working directory, `lmdb:/data`, `lmdb:///data`), made
 * when it is not there yet.
 *
 * @throws LastcallError `invalid_settings` when it cannot be made or written to, or when what it holds is no journal;
 * `journal_unavailable` when its disk is full
 */
export function openFolder(url: string): string {
  const folder = resolve(url.slice("lmdb:".length));
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw refusal(`its folder cannot be used: ${toError(thrown).message}`, thrown);
  }
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < LEAST_FREE_BYTES) {
    throw new LastcallError("journal_unavailable", `The journal cannot be opened: the disk of ${folder} is full`);
  }
  checkFile(join(folder, FILE));
  return realpathSync(folder);
}

/** LMDB's binding does not survive a file that is none of LMDB's. */
function checkFile(file: string): void {
  const start = Buffer.alloc(64);
  let length = 0;
  try {
    if (!existsSync(file)) return;
    const fd = openSync(file, constants.O_RDWR);
    try {
      length = readSync(fd, start);
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    throw refusal(`its file cannot be used: ${toError(thrown).message}`, thrown);
  }
  if (length > 0 && !start.includes(MAGIC)) throw refusal(`${file} is no journal of lastcall`);
}

function refusal(why: string, cause?: unknown): LastcallError {
  return new LastcallError("invalid_settings", `journal URL: ${why}`, { cause });
}
