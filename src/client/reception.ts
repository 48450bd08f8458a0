import type { Clock } from "../base/clock.js";
import { type Id, numberOf } from "../protocol/ids.js";
import type { ServerMessage } from "../protocol/messages.js";
import type { Inputs } from "./client-states.js";
import { Gate, type Placed, placeOf } from "./gate.js";
import type { Inbox } from "./inbox.js";
import type { Link } from "./link.js";
import type { Outbox } from "./outbox.js";

/** What a connection is to the client: the one it stands on, or the next of a hand-over. */
export type Role = "link" | "next";

/** How a message moves the client, if it does. `misplaced`: something is missing before it. */
type Heard = Extract<keyof Inputs, "hello" | "shutdown" | "gap" | "next_ready" | "next_gap"> | "misplaced" | undefined;

/** Takes what the connections of a client receive: through one gate into the inbox, answers to the outbox. */
export class Reception {
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  #gate = new Gate(undefined);

  constructor(inbox: Inbox, outbox: Outbox, clock: Clock) {
    this.#inbox = inbox;
    this.#outbox = outbox;
    this.#clock = clock;
  }

  get cursor(): Id | undefined {
    return this.#gate.cursor;
  }

  /** Where the client stands before its first connection. */
  begin(cursor: Id | undefined): void {
    this.#gate = new Gate(cursor);
  }

  hear(link: Link, role: Role, message: ServerMessage): Heard {
    switch (message.type) {
      case "hello":
      case "item":
      case "gap":
        return this.#place(link, role, message);
      case "shutdown": {
        const now = this.#clock.now();
        link.shutdown ??= { slotAt: now + message.reconnectInMs, closesAt: now + message.closesInMs };
        // Where there are two already it changes nothing: the next one's is heeded when it is the only one.
        return "shutdown";
      }
      case "ack":
        this.#outbox.acked(message);
        return undefined;
      case "error":
        this.#outbox.refused(message);
        return undefined;
      case "alive":
      case "pong":
      case "close":
        return undefined;
    }
  }

  #place(link: Link, role: Role, frame: Placed & ServerMessage): Heard {
    const before = this.#gate.cursor;
    const verdict = this.#gate.pass(frame);
    if (verdict === "fault") return "misplaced";
    const isNew = verdict === "new";
    if (frame.type === "gap") {
      if (!isNew) return undefined;
      // Another connection may have got further than the place that this one was asked for.
      this.#inbox.push({ ...frame, after: before ?? frame.after });
      return role === "next" ? "next_gap" : "gap";
    }
    if (isNew) this.#inbox.push(frame.type === "hello" ? { type: "cursor", cursor: frame.cursor } : frame);
    if (role === "link") return frame.type === "hello" ? "hello" : undefined;
    return (frame.type === "item" && isNew) || isReached(placeOf(frame), link) ? "next_ready" : undefined;
  }
}

/** Whether a connection has given, at `place`, all there was when it began. */
function isReached(place: Id, { hello }: Link): boolean {
  return hello !== undefined && numberOf(place) >= numberOf(hello.head);
}
