import { LastcallError } from "../base/errors.js";
import { isId, type Position } from "../protocol/ids.js";

/** @throws LastcallError `invalid_request` when the text is no position at all */
export function parsePosition(text: string): Position {
  if (text === "oldest" || text === "now" || isId(text)) return text;
  throw new LastcallError("invalid_request", "after: expected an item's id, `oldest` or `now`", {
    detail: { after: text.slice(0, 80) },
  });
}
