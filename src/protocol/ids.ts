import { LastcallError } from "../base/errors.js";

/**
 * The place of an item in its stream: `<n>-<tag>`. `n` counts densely from 1 inside the stream; `tag` is random for each
 * entry, so that an id names that very entry and not merely a place. The trim base of a stream that never lost an entry
 * is `0-<tag>`: no item, but a cursor.
 */
export type Id = `${number}-${string}`;

/** Where reading starts: after an id (exclusive), from the oldest item kept, or from the head on. */
export type Position = Id | "oldest" | "now";

/** Why a cursor is none any more: its entry was trimmed, or the journal was emptied, restored, or lost its last writes. */
export type GapReason = "trimmed" | "replaced";

const ID = /^(?:0|[1-9]\d{0,14})-[0-9a-z]{8}$/;

export function isId(text: string): text is Id {
  return ID.test(text);
}

export function isPosition(text: string): text is Position {
  return text === "oldest" || text === "now" || isId(text);
}

/** @throws LastcallError `invalid_request` when the text is no position at all */
export function parsePosition(text: string): Position {
  if (isPosition(text)) return text;
  throw new LastcallError("invalid_request", "after: expected an item's id, `oldest` or `now`", {
    detail: { after: text.slice(0, 80) },
  });
}

/** The dense number of an id. */
export function numberOf(id: Id): number {
  return Number(id.slice(0, id.indexOf("-")));
}

export function makeId(n: number, tag: string): Id {
  return `${n}-${tag}`;
}

/** Length of a tag: 8 characters of base 36, about 41 bits. */
export const TAG_LENGTH = 8;

/** The stream used when none is named. */
export const DEFAULT_STREAM = "main";

const STREAM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** 1 to 64 letters, digits, `.`, `_` or `-`, starting with a letter or digit. */
export function isStreamName(text: string): boolean {
  return STREAM.test(text);
}

/** The same rule for JSON Schema. */
export const STREAM_PATTERN = STREAM.source;
