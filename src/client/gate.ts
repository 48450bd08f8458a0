import { type Id, numberOf } from "../protocol/ids.js";
import type { GapMessage, HelloMessage, ItemMessage } from "../protocol/messages.js";

/** What moves the cursor, or proves that it must not move. */
export type Placed =
  | Pick<HelloMessage, "type" | "cursor">
  | Pick<GapMessage, "type" | "cursor" | "reason">
  | Pick<ItemMessage, "type" | "id">;

/** `new`: the cursor moves there. `repeat`: it was there before. `fault`: something between is missing. */
export type Verdict = "new" | "repeat" | "fault";

/**
 * Whether a frame goes on from the cursor (undefined: nowhere yet). Numbers are dense inside a stream, so that the next
 * item is known by its number; the cursor is a `hello`'s at first, then a `gap`'s, then the id of each item, and nothing
 * else moves it (PROTOCOL.md, "The cursor").
 */
export function judge(cursor: Id | undefined, frame: Placed): Verdict {
  if (cursor === undefined) return frame.type === "hello" ? "new" : "fault";
  const place = placeOf(frame);
  const ahead = numberOf(place) - numberOf(cursor);
  // The place where we stand, by its number, that is another entry: this is not the journal that we have read.
  const other = ahead === 0 && place !== cursor;
  switch (frame.type) {
    // Behind us when another connection has gone on meanwhile; never before us.
    case "hello":
      return ahead > 0 || other ? "fault" : "repeat";
    // Behind us, what was trimmed is what we have already. A journal that was replaced counts anew.
    case "gap":
      return frame.reason === "trimmed" && ahead <= 0 && !other ? "repeat" : "new";
    case "item":
      if (ahead === 1) return "new";
      return ahead > 1 || other ? "fault" : "repeat";
  }
}

/**
 * The one way in for what every connection of a client receives: what passes is contiguous, in order and without repeats,
 * or a gap that is told.
 */
export class Gate {
  #cursor: Id | undefined;

  /** @param cursor the last item had, if any. */
  constructor(cursor: Id | undefined) {
    this.#cursor = cursor;
  }

  get cursor(): Id | undefined {
    return this.#cursor;
  }

  pass(frame: Placed): Verdict {
    const verdict = judge(this.#cursor, frame);
    if (verdict === "new") this.#cursor = placeOf(frame);
    return verdict;
  }
}

/** Where the cursor is after a frame that passed. */
export function placeOf(frame: Placed): Id {
  return frame.type === "item" ? frame.id : frame.cursor;
}
