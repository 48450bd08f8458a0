import { LastcallError } from "../base/errors.js";
import { type Id, isId, isStreamName, numberOf, type Position, parsePosition } from "../protocol/ids.js";
import type { GapReason, Page } from "./port.js";

/** Entries in one page of `follow`, at most: a burst is given out in pieces. */
export const FOLLOW_PAGE = 512;
/** Data in one page, bytes, beyond which no entry is added, though more were asked for: items may have megabytes. */
export const PAGE_BYTES = 1_048_576;

/**
 * Why `cursor` is no place to read on from, or undefined when it is one: the trim base, or the very entry that stands at
 * its number. `idAt` gives that entry's id, undefined where none stands.
 */
export function judgeCursor(cursor: Id, base: Id, idAt: (n: number) => Id | undefined): GapReason | undefined {
  if (cursor === base) return undefined;
  const n = numberOf(cursor);
  if (n < numberOf(base)) return "trimmed";
  return idAt(n) === cursor ? undefined : "replaced";
}

/** Where whoever has this page goes on; undefined when it has nothing new. */
export function endOf(page: Page): Id | undefined {
  return page.type === "gap" ? page.cursor : page.entries.at(-1)?.id;
}

/** Throws `invalid_request` unless `stream` is a stream's name. */
export function checkStream(stream: string): void {
  if (!isStreamName(stream)) {
    throw new LastcallError("invalid_request", "A stream's name is 1 to 64 letters, digits, '.', '_' or '-'.");
  }
}

/** Throws `invalid_request` unless `position` is an id, `oldest` or `now`. */
export function checkPosition(position: Position): void {
  parsePosition(position);
}

/** Throws `invalid_request` unless `id` has the form of an id. */
export function checkId(id: Id): void {
  if (!isId(id)) throw new LastcallError("invalid_request", "An id has the form <number>-<8 digits of base 36>.");
}

/** Throws `invalid_request` unless `limit` is a whole number of at least 1: an empty page would claim an end. */
export function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new LastcallError("invalid_request", "The limit is a whole number of at least 1.");
  }
}
