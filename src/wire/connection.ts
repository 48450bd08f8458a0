import type { GapReason } from "../protocol/ids.js";
import type { Mark } from "../stream/ports.js";

/** The protocols a client may speak; also the values of the `protocol` label. */
export const PROTOCOLS = ["text", "lastcall.v1", "sse"] as const;

export type Protocol = (typeof PROTOCOLS)[number];

/**
 * How a connection ended.
 * `gone`: the peer went of its own will, or for a fault of its own, before it was told all. `left`: it went after it was
 * told all. `handed_over`: it was behind the mark and has its cursor. `unanswered`: it was told all, and did not answer
 * the close in time. `cut`: a drain ended it before it had everything, and it has no cursor. Outside of a drain, `silent`:
 * it answered no ping; `lost`: the journal lost its place; `slow`: it took nothing, and too much was kept for it.
 */
export const FATES = ["gone", "left", "handed_over", "unanswered", "cut", "silent", "lost", "slow"] as const;

export type Fate = (typeof FATES)[number];

/** Publishes of one client on their way into the journal, beyond which no more is read from it. */
export const PUBLISHES_IN_FLIGHT = 256;

/** One client, whatever it speaks, as the service and its drain see it. */
export interface Connection {
  readonly protocol: Protocol;
  readonly stream: string;
  /** The peer's address, for logs. */
  readonly peer: string;
  /** Whether the peer has a cursor to go on from, whatever it has not had. */
  readonly resumable: boolean;
  /** Whether it goes by itself, once it was told, and is closed only when its time is over; else it is closed in its slot. */
  readonly leavesByItself: boolean;
  /** Tells the peer that this process goes away, and when it is to go itself, ms from now; false if it goes already. */
  announce(slotMs: number, closesInMs: number): boolean;
  /** Serves up to its stream's mark, then says goodbye. */
  end(marks: Marks): void;
  /** Ends it now. */
  terminate(): void;
  /** To be called twice an interval; false when the peer has not answered the last pings. */
  ping(): boolean;
  /** To be called twice an interval: a peer that was told nothing for a whole one is told that all is well. */
  beat(): void;
}

/** How far each stream is to be served: its head after the source's last items. One that was not read then owes nothing. */
export type Marks = ReadonlyMap<string, Mark>;

/** What a connection tells its keeper. */
export interface ConnectionEvents {
  /** Handed items to the socket. */
  wrote(connection: Connection, items: number): void;
  /** The peer sent a frame that is not part of its protocol's own words. */
  received(connection: Connection, text: string): void;
  /** The peer sent a message of its protocol. */
  heard(connection: Connection): void;
  /** A session starts behind the head. */
  behind(connection: Connection): void;
  /** Its cursor was not in the journal. */
  gap(connection: Connection, reason: GapReason): void;
  /** The socket stopped taking what it is given. */
  blocked(connection: Connection): void;
  /** Everything up to the mark, and the goodbye, is in the kernel's hands. */
  flushed(connection: Connection): void;
  closed(connection: Connection, fate: Fate, echoed: boolean): void;
}
