import type { Entry } from "../journal/port.js";
import { CLOSE } from "../protocol/close-codes.js";
import type { Id } from "../protocol/ids.js";
import { asText, CLOSE_WORD, SHUTDOWN } from "../protocol/text.js";
import type { Feed } from "../stream/feed.js";
import type { Encoding, Gap } from "../stream/ports.js";
import { Session } from "../stream/session.js";
import { type Connection, type ConnectionEvents, PUBLISHES_IN_FLIGHT } from "./connection.js";
import { closeFrame, textFrame } from "./frames.js";
import type { Outlet } from "./outlet.js";
import { Peer } from "./peer.js";

export const textEncoding: Encoding = {
  name: "text",
  encode: (entry: Entry) => textFrame(asText(entry.data)),
};

const SHUTDOWN_FRAME = textFrame(SHUTDOWN);
const FAREWELL = Buffer.concat([textFrame(CLOSE_WORD), closeFrame(CLOSE.restart)]);

/** Publishes what a text client said. Never rejects: it cannot be answered. */
export type PublishText = (connection: Connection, text: string) => Promise<void>;

/** A plain WebSocket client: each item's data is one text frame. It has no cursor, so it is flushed before it is closed. */
export class TextConnection extends Peer {
  readonly protocol = "text";
  readonly encoding = textEncoding;
  readonly stream: string;
  readonly resumable = false;
  protected override readonly session: Session;
  readonly #publish: PublishText | undefined;
  #publishing = 0;

  /** @param publish what the client says is published; absent, it is only told to `events`. */
  constructor(outlet: Outlet, feed: Feed, cursor: Id, events: ConnectionEvents, publish?: PublishText) {
    super(outlet, events);
    this.stream = feed.stream;
    this.session = new Session(feed, this, cursor);
    this.#publish = publish;
  }

  start(): void {
    this.session.start();
  }

  /** A text client has no cursor to go on from: it is told CLOSE and starts anew. */
  gap(gap: Gap): boolean {
    this.events.gap(this, gap.reason);
    this.close(this.stage === "open" ? "lost" : "cut");
    return false;
  }

  onMessage(data: Buffer, isBinary: boolean): void {
    this.alive();
    if (isBinary) this.outlet.reject(CLOSE.binary);
    else void this.#take(data.toString());
  }

  async #take(text: string): Promise<void> {
    this.events.received(this, text);
    if (this.#publish === undefined) return;
    this.#publishing += 1;
    this.listen();
    await this.#publish(this, text);
    this.#publishing -= 1;
    this.listen();
  }

  protected override listen(): void {
    this.deaf = this.#publishing >= PUBLISHES_IN_FLIGHT;
  }

  protected tell(): void {
    this.say(SHUTDOWN_FRAME);
  }

  protected goodbye(): Uint8Array {
    return FAREWELL;
  }

  /** Its pings are enough: a client of this kind resumes nothing. */
  protected get heartbeat(): undefined {
    return undefined;
  }
}
