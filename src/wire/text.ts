import type { Socket } from "node:net";
import type { Entry } from "../journal/port.js";
import { CLOSE } from "../protocol/close-codes.js";
import type { Id } from "../protocol/ids.js";
import { asText, CLOSE_WORD, SHUTDOWN } from "../protocol/text.js";
import type { Feed } from "../stream/feed.js";
import type { Channel, Encoding } from "../stream/ports.js";
import { Session } from "../stream/session.js";
import type { Connection, ConnectionEvents, Fate, Marks } from "./connection.js";
import { closeFrame, textFrame } from "./frames.js";
import type { ServerSocket, SocketOwner } from "./server-socket.js";

export const textEncoding: Encoding = {
  name: "text",
  encode: (entry: Entry) => textFrame(asText(entry.data)),
};

/** What a WebSocket reports when no close frame came (RFC 6455 section 7.1.5). */
const ABNORMAL = 1006;
const SHUTDOWN_FRAME = textFrame(SHUTDOWN);
const FAREWELL = Buffer.concat([textFrame(CLOSE_WORD), closeFrame(CLOSE.restart)]);
/** Pings in a row that may stay unanswered. */
const MISSES_ALLOWED = 2;

/**
 * `open`: served. `told`: heard SHUTDOWN. `ending`: its turn has come, it is served up to the mark. `closing`: CLOSE and
 * the close frame are written, nothing follows. `cut`: we ended it. `closed`: the socket is gone.
 */
type Stage = "open" | "told" | "ending" | "closing" | "cut" | "closed";

const TRANSITIONS: Readonly<Record<Stage, readonly Stage[]>> = {
  open: ["told", "closing", "cut", "closed"],
  told: ["ending", "closing", "cut", "closed"],
  ending: ["closing", "cut", "closed"],
  closing: ["cut", "closed"],
  cut: ["closed"],
  closed: [],
};

/** The fate of a connection whose socket went in a stage. */
const FATES: Readonly<Record<Exclude<Stage, "closed">, Fate>> = {
  open: "gone",
  told: "gone",
  ending: "gone",
  closing: "left",
  cut: "cut",
};

/** A plain WebSocket client: each item's data is one text frame. It has no cursor, so it is flushed before it is closed. */
export class TextConnection implements Connection, Channel, SocketOwner {
  readonly protocol = "text";
  readonly encoding = textEncoding;
  readonly stream: string;
  readonly #ws: ServerSocket;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #session: Session;
  #stage: Stage = "open";
  /** It has had everything up to the mark, */
  #complete = false;
  /** and that, with CLOSE, is in the kernel's hands. */
  #flushed = false;
  #awaiting = false;
  #misses = 0;
  #bytesAtPing = 0;

  constructor(ws: ServerSocket, socket: Socket, feed: Feed, cursor: Id, events: ConnectionEvents) {
    this.#ws = ws;
    this.#socket = socket;
    this.#events = events;
    this.stream = feed.stream;
    this.#session = new Session(feed, this, cursor);
  }

  get peer(): string {
    return `${this.#socket.remoteAddress ?? "?"}:${this.#socket.remotePort ?? "?"}`;
  }

  start(): void {
    this.#session.start();
  }

  // What the session asks of its channel.

  get blocked(): boolean {
    return this.#socket.writableNeedDrain || !this.#ws.speaking;
  }

  awaitWritable(): void {
    if (this.#awaiting || !this.#socket.writableNeedDrain) return;
    this.#awaiting = true;
    this.#events.blocked(this);
    this.#socket.once("drain", () => {
      this.#awaiting = false;
      this.#session.writable();
    });
  }

  write(frames: Uint8Array, items: number): void {
    this.#socket.write(frames);
    this.#events.wrote(this, items);
  }

  /** A text client has no cursor to go on from: it is told CLOSE and starts anew. */
  gap(): boolean {
    this.#close();
    return false;
  }

  arrived(): void {
    this.#complete = true;
    this.#close();
  }

  // What the drain asks of a connection.

  announce(): void {
    if (this.#enter("told") && this.#ws.speaking) this.#socket.write(SHUTDOWN_FRAME);
  }

  end(marks: Marks): void {
    if (!this.#enter("ending")) return;
    // Items, CLOSE and the close frame of one client leave in one write.
    this.#socket.cork();
    this.#session.reach(marks.get(this.stream) ?? 0);
    this.#socket.uncork();
  }

  terminate(): void {
    if (!this.#enter("cut")) return;
    this.#ws.terminate();
    this.onClose(ABNORMAL);
  }

  ping(): boolean {
    // A peer that still takes bytes is alive, however far behind its pong may be.
    const sent = this.#socket.bytesWritten - this.#socket.writableLength;
    if (this.blocked && sent !== this.#bytesAtPing) this.#misses = 0;
    this.#bytesAtPing = sent;
    if (this.#misses >= MISSES_ALLOWED) return false;
    this.#misses += 1;
    if (!this.blocked) this.#ws.ping();
    return true;
  }

  // What the WebSocket tells.

  onMessage(data: Buffer, isBinary: boolean): void {
    this.#misses = 0;
    if (isBinary) {
      if (this.#ws.speaking) this.#ws.close(CLOSE.binary);
    } else this.#events.received(this, data.toString());
  }

  onPong(): void {
    this.#misses = 0;
  }

  onClose(code: number): void {
    const stage = this.#stage;
    if (stage === "closed" || !this.#enter("closed")) return;
    this.#session.stop();
    const echoed = stage === "closing" && code !== ABNORMAL;
    if (echoed) this.#tellFlushed();
    this.#events.closed(this, this.#fate(stage), echoed);
  }

  #fate(stage: Exclude<Stage, "closed">): Fate {
    if (stage === "cut" && this.#flushed) return "unanswered";
    if (stage === "closing" && !this.#complete) return "cut";
    if (stage === "closing" && !this.#flushed) return "gone";
    return FATES[stage];
  }

  #close(): void {
    // A peer that has begun to close itself is told nothing more: it goes of its own will.
    if (!this.#ws.speaking || !this.#enter("closing")) return;
    this.#session.stop();
    // Flushed is: in the kernel's hands.
    this.#ws.farewell(FAREWELL, (error) => {
      if (!error) this.#tellFlushed();
    });
  }

  #tellFlushed(): void {
    if (this.#flushed || !this.#complete) return;
    this.#flushed = true;
    this.#events.flushed(this);
  }

  #enter(next: Stage): boolean {
    if (!TRANSITIONS[this.#stage].includes(next)) return false;
    this.#stage = next;
    return true;
  }
}
