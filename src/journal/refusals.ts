import { LastcallError } from "../base/errors.js";

/** What every backend says to a call that comes after `close`. */
export function closed(): LastcallError {
  return new LastcallError("journal_unavailable", "The journal is closed.");
}

/** What every backend says to a name that would be one stream too many. */
export function tooManyStreams(most: number): LastcallError {
  return new LastcallError("too_many_streams", `No more than ${most} streams may be made.`);
}
