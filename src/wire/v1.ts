import type { Cancel } from "../base/clock.js";
import { CLOSE } from "../protocol/close-codes.js";
import { DEFAULT_STREAM, type Id } from "../protocol/ids.js";
import {
  type AckMessage,
  type ClientMessage,
  type ErrorMessage,
  type PublishMessage,
  parseClientMessage,
  type ServerMessage,
  START_TIMEOUT_MS,
  type StartMessage,
  SUBPROTOCOL,
} from "../protocol/messages.js";
import type { Feed } from "../stream/feed.js";
import type { Gap } from "../stream/ports.js";
import { Session } from "../stream/session.js";
import type { ConnectionEvents } from "./connection.js";
import type { Outlet } from "./outlet.js";
import { Peer } from "./peer.js";
import type { V1Server } from "./v1-server.js";
import { asLastcallError, farewellFrames, messageFrame, reasonOf, v1Encoding } from "./v1-words.js";

/** Publishes of one client on their way into the journal, beyond which no more is read from it. */
const PUBLISHES_IN_FLIGHT = 256;
/** What is taken in its place behind the starts that came before it. */
type Later = PublishMessage | Extract<ClientMessage, { readonly type: "stop" }>;

/** When the process goes away, by its clock. */
interface Leaving {
  readonly slotAt: number;
  readonly closesAt: number;
}

/** A client that speaks `lastcall.v1` (PROTOCOL.md). */
export class V1Connection extends Peer {
  readonly protocol = SUBPROTOCOL;
  readonly encoding = v1Encoding;
  protected readonly resumable = true;
  readonly #server: V1Server;
  #feed: Feed | undefined;
  #leaving: Leaving | undefined;
  #cancelStart: Cancel = () => {};
  /** What came while a `start` is being answered: each gets its hello, in order. */
  #queue: (StartMessage | Later)[] | undefined;
  #publishing = 0;
  #corked = false;

  constructor(outlet: Outlet, server: V1Server, events: ConnectionEvents) {
    super(outlet, events);
    this.#server = server;
  }

  start(): void {
    this.#cancelStart = this.#server.clock.after(START_TIMEOUT_MS, () => {
      this.outlet.reject(CLOSE.noStart, `no start within ${START_TIMEOUT_MS} ms`);
    });
  }

  get stream(): string {
    return this.#feed?.stream ?? DEFAULT_STREAM;
  }

  override get leavesByItself(): boolean {
    return true;
  }

  gap({ after, cursor, reason }: Gap): boolean {
    this.events.gap(this, reason);
    this.#send({ type: "gap", after, cursor, reason });
    return true;
  }

  onMessage(data: Buffer, isBinary: boolean): void {
    this.alive();
    this.events.heard(this);
    // After the goodbye nothing can be answered, so nothing is taken: the client sends it again elsewhere.
    if (this.stage === "closing" || this.stage === "closed") return;
    if (isBinary) this.outlet.reject(CLOSE.binary);
    else this.#hear(data.toString());
  }

  #hear(text: string): void {
    let message: ClientMessage;
    try {
      message = parseClientMessage(text);
    } catch (thrown) {
      this.#refuse(CLOSE.protocol, thrown);
      return;
    }
    if (message.type === "ping") this.#send({ type: "pong" });
    else if (this.#queue !== undefined) this.#queue.push(message);
    else if (message.type === "start") void this.#answer([message]);
    else this.#take(message);
  }

  protected tell(slotMs: number, closesInMs: number): void {
    const now = this.#server.clock.now();
    this.#leaving = { slotAt: now + slotMs, closesAt: now + closesInMs };
    // One that has not started yet hears it after its hello.
    if (this.session !== undefined) this.#sayShutdown();
  }

  protected goodbye(cursor: Id | undefined): Uint8Array {
    return farewellFrames(cursor);
  }

  protected sayAlive(): void {
    if (this.session !== undefined) this.#send({ type: "alive" });
  }

  protected override drained(): void {
    this.#listen();
  }

  protected override over(): void {
    this.#cancelStart();
  }

  /** Starts one after the other, and what came behind them in its place. */
  async #answer(queue: (StartMessage | Later)[]): Promise<void> {
    this.#queue = queue;
    this.#listen();
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (next.type === "start") await this.#start(next);
      else this.#take(next);
    }
    this.#queue = undefined;
    this.#listen();
  }

  #take(message: Later): void {
    if (this.#feed === undefined) this.outlet.reject(CLOSE.protocol, `${message.type} before start`);
    else if (message.type === "stop") this.session?.stop();
    else void this.#publish(this.#feed.stream, message);
  }

  async #start({ stream, after }: StartMessage): Promise<void> {
    this.#cancelStart();
    const before = this.session;
    if (this.#feed !== undefined && stream !== undefined && stream !== this.#feed.stream) {
      return this.outlet.reject(CLOSE.protocol, `one connection, one stream: this one is ${this.#feed.stream}`);
    }
    // From here to the hello, items would be void.
    if (after !== undefined) before?.stop();
    try {
      const feed = this.#feed ?? (await this.#server.open(stream ?? DEFAULT_STREAM));
      const { cursor, head } = await this.#server.locate(feed, after ?? before?.cursor ?? "now");
      this.#begin(feed, after === undefined ? before : undefined, cursor, head);
    } catch (thrown) {
      this.#refuse(CLOSE.overload, thrown);
    }
  }

  #begin(feed: Feed, going: Session | undefined, cursor: Id, head: Id): void {
    if (this.stage === "closing" || this.stage === "closed" || this.stage === "leaving") return;
    const first = this.#feed === undefined;
    this.#feed = feed;
    const session = going ?? new Session(feed, this, cursor);
    this.session = session;
    const { terms } = this.#server;
    // A session that goes on stands where it stands now, not where it stood when the head was asked for.
    this.#send({ type: "hello", ...terms, stream: feed.stream, cursor: going?.cursor ?? cursor, head });
    if (first && this.#leaving !== undefined) this.#sayShutdown();
    if (session.cursor !== head) this.events.behind(this);
    session.start();
  }

  async #publish(stream: string, message: PublishMessage): Promise<void> {
    const { key } = message;
    this.#publishing += 1;
    this.#listen();
    let answer: AckMessage | ErrorMessage;
    try {
      answer = { type: "ack", key, id: await this.#server.publish(stream, message) };
    } catch (thrown) {
      const { code, message, retryable } = asLastcallError(thrown);
      answer = { type: "error", key, code, message, retryable };
    }
    this.#publishing -= 1;
    this.#listen();
    if (this.stage === "closing" || this.stage === "closed") return;
    this.#corkForTurn();
    this.#send(answer);
    this.awaitWritable();
  }

  /** Hears the peer only as long as it can be answered. */
  #listen(): void {
    this.deaf = this.#queue !== undefined || this.#publishing >= PUBLISHES_IN_FLIGHT || this.outlet.full;
  }

  /** Answers that come in one turn of the event loop leave in one write. */
  #corkForTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.outlet.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.outlet.uncork();
    });
  }

  #sayShutdown(): void {
    if (this.#leaving === undefined) return;
    const now = this.#server.clock.now();
    const inMs = (at: number) => Math.max(0, Math.round(at - now));
    const { slotAt, closesAt } = this.#leaving;
    this.#send({ type: "shutdown", reconnectInMs: inMs(slotAt), closesInMs: inMs(closesAt) });
  }

  #send(message: Exclude<ServerMessage, { readonly type: "item" }>): void {
    this.say(messageFrame(message));
  }

  #refuse(code: number, thrown: unknown): void {
    this.outlet.reject(code, reasonOf(asLastcallError(thrown)));
  }
}
