import type { Entry } from "../journal/port.js";
import type { Id } from "../protocol/ids.js";
import type { Feed } from "../stream/feed.js";
import type { Encoding, Gap } from "../stream/ports.js";
import { Session } from "../stream/session.js";
import type { ConnectionEvents } from "./connection.js";
import type { Outlet } from "./outlet.js";
import { Peer } from "./peer.js";

/** Every line break of HTML's event stream format (section 9.2.6): data with one in it takes several lines. */
const LINE_BREAK = /\r\n|\r|\n/g;

export const sseEncoding: Encoding = {
  name: "sse",
  encode: ({ id, data }: Entry) => Buffer.from(`id: ${id}\ndata: ${data.replace(LINE_BREAK, "\ndata: ")}\n\n`),
};

/** A comment: it is no event, and moves no cursor. */
const ALIVE = Buffer.from(":\n\n");

/** What an EventSource is told that came to a pod that takes nobody: it never comes back after another status than 200. */
export function comeBack(retryMs: number): Buffer {
  return Buffer.from(`retry: ${retryMs}\n\n`);
}

/**
 * How long an EventSource waits after it lost its connection, ms: by itself all wait the same time (Chromium 3 s), and those
 * of a pod that was killed would come back together.
 */
export function reconnectionMs(random: () => number): number {
  return Math.round(500 + random() * 2_500);
}

/** The same after the close of a drain, which comes to each in a slot of its own: it may come back at once, elsewhere. */
const MOVE_ON = Buffer.from("retry: 100\n");

/** A client of `GET /events` (PROTOCOL.md, "Server-sent events"): the same session over one-way HTTP. */
export class SseConnection extends Peer {
  readonly protocol = "sse";
  readonly encoding = sseEncoding;
  readonly stream: string;
  readonly resumable = true;
  protected override readonly session: Session;
  readonly #retryMs: number;

  /** `retryMs`: how long its EventSource is to wait when it has lost us. */
  constructor(outlet: Outlet, feed: Feed, cursor: Id, events: ConnectionEvents, retryMs: number) {
    super(outlet, events);
    this.#retryMs = retryMs;
    this.stream = feed.stream;
    this.session = new Session(feed, this, cursor);
  }

  start(): void {
    // A reader that was given nothing yet has a cursor too.
    this.say(Buffer.from(`retry: ${this.#retryMs}\nid: ${this.session.cursor}\n\n`));
    this.session.start();
  }

  gap({ after, cursor, reason }: Gap): boolean {
    this.events.gap(this, reason);
    this.say(control("gap", { after, cursor, reason }));
    this.say(position(cursor));
    return true;
  }

  /** Nobody answers here: all there is to go by is whether its socket takes bytes. */
  override ping(): boolean {
    if (!this.blocked) this.alive();
    return super.ping();
  }

  /** Whatever follows a request on its connection is another request. */
  onMessage(): void {}

  protected tell(slotMs: number, closesInMs: number): void {
    this.say(control("shutdown", { reconnectInMs: Math.round(slotMs), closesInMs: Math.round(closesInMs) }));
  }

  protected goodbye(cursor: Id | undefined): Uint8Array {
    return Buffer.concat([MOVE_ON, control("close", { cursor })]);
  }

  protected get heartbeat(): Uint8Array {
    return ALIVE;
  }
}

function control(type: string, fields: object): Buffer {
  return Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
}

/** Sets the reader's last event id, and nothing else: an event without data is not given out. */
function position(cursor: Id): Buffer {
  return Buffer.from(`id: ${cursor}\n\n`);
}
