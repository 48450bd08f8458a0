import type { Clock } from "../base/clock.js";
import type { Id, Position } from "../protocol/ids.js";
import type { HelloMessage, PublishMessage } from "../protocol/messages.js";
import type { Feed } from "../stream/feed.js";

/** Where a position is in the journal at one moment. */
export interface Place {
  readonly cursor: Id;
  readonly head: Id;
}

/** What a connection needs of the server it is part of. */
export interface V1Server {
  readonly clock: Clock;
  /** What every hello says. */
  readonly terms: Pick<HelloMessage, "server" | "version" | "heartbeatMs" | "maxBytes" | "keyTtlMs">;
  /** @throws LastcallError `journal_unavailable`, `too_many_streams` */
  open(stream: string): Promise<Feed>;
  /** Where a position is in the journal now. */
  locate(feed: Feed, position: Position): Promise<Place>;
  publish(stream: string, message: PublishMessage): Promise<Id>;
}
