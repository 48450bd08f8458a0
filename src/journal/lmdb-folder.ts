import { accessSync, constants, mkdirSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { LastcallError, toError } from "../base/errors.js";

/** What LMDB's URLs look like. */
export const LMDB_FORM = "lmdb:<folder>";

/** What is wrong with an `lmdb:` URL, in words that repeat nothing of it. */
export function lmdbFault(url: string): string | undefined {
  const path = url.slice("lmdb:".length);
  if (/^\/\/[^/]/.test(path)) return "lmdb:// with a host (lmdb:./folder or lmdb:/folder)";
  if (/[?#]/.test(path)) return "lmdb: with ? or # in it";
  if (path.includes("\0") || /^\/*$/.test(path)) return "lmdb: without a folder";
  return undefined;
}

/**
 * The folder that an `lmdb:` URL names (`lmdb:./data` from the working directory, `lmdb:/data`, `lmdb:///data`), made
 * when it is not there yet.
 *
 * @throws LastcallError `invalid_settings` when it cannot be made or written to
 */
export function openFolder(url: string): string {
  const folder = resolve(url.slice("lmdb:".length).replace(/^\/\/\//, "/"));
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(folder);
  } catch (thrown) {
    throw new LastcallError("invalid_settings", `journal URL: no folder to write to: ${toError(thrown).message}`, {
      cause: thrown,
    });
  }
}
