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

const SHUTDOWN_FRAME = textFrame(SHUTDOWN);
const FAREWELL = Buffer.concat([textFrame(CLOSE_WORD), closeFrame(CLOSE.restart)]);
/** Pings in a row that may stay unanswered. */
const MISSES_ALLOWED = 2;

/**
 * `open`: served. `told`: heard SHUTDOWN. `ending`: its turn has come, it is served up to the mark. `closing`: CLOSE and
 * the close frame are written, nothing follows. `leaving`: it is about to go for a reason of its own. `closed`: it is
 * over, as far as we are concerned.
 */
type Stage = "open" | "told" | "ending" | "closing" | "leaving" | "closed";

const TRANSITIONS: Readonly<Record<Stage, readonly Stage[]>> = {
  open: ["told", "closing", "leaving", "closed"],
  told: ["ending", "closing", "leaving", "closed"],
  ending: ["closing", "leaving", "closed"],
  closing: ["closed"],
  leaving: ["closed"],
  closed: [],
};

/** The fate of a connection that ended in a stage: the peer's socket went, or we ended it. */
const FATES: Readonly<Record<Exclude<Stage, "closing" | "closed">, { readonly went: Fate; readonly ended: Fate }>> = {
  open: { went: "gone", ended: "silent" },
  told: { went: "gone", ended: "cut" },
  ending: { went: "gone", ended: "cut" },
  leaving: { went: "gone", ended: "gone" },
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
  /** Why CLOSE was said: everything up to the mark was given, or its place was lost, in a drain or not. */
  #farewell: "complete" | "cut" | "lost" = "complete";
  /** Everything, CLOSE with it, is in the kernel's hands. */
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
    this.#farewell = this.#stage === "open" ? "lost" : "cut";
    this.#close();
    return false;
  }

  arrived(): void {
    this.#close();
  }

  // What the drain asks of a connection.

  announce(): boolean {
    if (!this.#enter("told")) return false;
    this.#socket.write(SHUTDOWN_FRAME);
    return true;
  }

  end(marks: Marks): void {
    if (!this.#enter("ending")) return;
    // Items, CLOSE and the close frame of one client leave in one write.
    this.#socket.cork();
    this.#session.reach(marks.get(this.stream) ?? 0);
    this.#socket.uncork();
  }

  terminate(): void {
    this.#ws.terminate();
    this.#over("ended", false);
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
    this.#alive();
    if (!isBinary) this.#events.received(this, data.toString());
    else if (this.#ws.speaking) this.#ws.close(CLOSE.binary);
  }

  onPong(): void {
    this.#alive();
  }

  onClosing(): void {
    // After our goodbye it is the answer to it: all is said, whatever its socket does now.
    if (this.#stage === "closing") this.#over("went", true);
    else if (this.#enter("leaving")) this.#session.stop();
  }

  onClose(): void {
    this.#over("went", false);
  }

  #alive(): void {
    // Once it was told goodbye, only its own goodbye counts.
    if (this.#stage !== "closing") this.#misses = 0;
  }

  #close(): void {
    if (!this.#enter("closing")) return;
    this.#session.stop();
    this.#misses = 0;
    // Flushed is: in the kernel's hands.
    this.#ws.farewell(FAREWELL, (error) => {
      if (!error) this.#tellFlushed();
    });
  }

  #over(how: "went" | "ended", echoed: boolean): void {
    const stage = this.#stage;
    if (stage === "closed") return;
    // Who answers CLOSE has read everything before it.
    if (echoed) this.#tellFlushed();
    this.#stage = "closed";
    this.#session.stop();
    this.#events.closed(this, stage === "closing" ? this.#fateAfterGoodbye(how) : FATES[stage][how], echoed);
  }

  #fateAfterGoodbye(how: "went" | "ended"): Fate {
    if (this.#farewell !== "complete") return this.#farewell;
    if (how === "went") return this.#flushed ? "left" : "gone";
    return this.#flushed ? "unanswered" : "cut";
  }

  #tellFlushed(): void {
    if (this.#flushed || this.#farewell !== "complete") return;
    this.#flushed = true;
    this.#events.flushed(this);
  }

  #enter(next: Stage): boolean {
    if (!TRANSITIONS[this.#stage].includes(next)) return false;
    this.#stage = next;
    return true;
  }
}
