import type { Entry, GapReason } from "../journal/port.js";
import type { Id } from "../protocol/ids.js";
import type { Staller } from "./stalls.js";

/** How items look on one kind of wire. Each item is encoded once, however many sessions get it. */
export interface Encoding {
  readonly name: string;
  /** One whole frame (or event), ready for the socket. */
  encode(entry: Entry): Uint8Array;
}

/** A place where the asked cursor did not hold. */
export interface Gap {
  readonly after: Id;
  /** Where the session goes on. */
  readonly cursor: Id;
  readonly reason: GapReason;
}

/**
 * How far a stream is to be served before its sessions end: up to item number `n` of the journal that was there when its
 * feed was of this generation. `Infinity` when the feed has still to find that the journal was replaced.
 */
export interface Mark {
  readonly n: number;
  readonly generation: number;
}

/** A session's way to its peer. Several sessions may use it, one after the other. */
export interface Channel extends Staller {
  readonly encoding: Encoding;
  /** The socket takes nothing more just now. */
  readonly blocked: boolean;
  /** Calls `session.writable()` once the socket takes more. Asked for only while `blocked`; again and again does no harm. */
  awaitWritable(): void;
  /** Hands over whole frames. Never called while `blocked`. */
  write(frames: Uint8Array, items: number): void;
  /** Tells the peer of a gap. False when the peer cannot go on after one: the session is then stopped. */
  gap(gap: Gap): boolean;
  /** The session has reached the goal it was given. */
  arrived(): void;
}
