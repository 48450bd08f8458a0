import type { Cancel } from "../base/clock.js";
import { CLOSE } from "../protocol/close-codes.js";
import { DEFAULT_STREAM, type Id, numberOf } from "../protocol/ids.js";
import {
  type ClientMessage,
  type PublishMessage,
  parseClientMessage,
  START_TIMEOUT_MS,
  type StartMessage,
  SUBPROTOCOL,
} from "../protocol/messages.js";
import type { Feed } from "../stream/feed.js";
import type { Gap } from "../stream/ports.js";
import { Session } from "../stream/session.js";
import { type ConnectionEvents, PUBLISHES_IN_FLIGHT } from "./connection.js";
import type { Outlet } from "./outlet.js";
import { Peer } from "./peer.js";
import type { Place, V1Server } from "./v1-server.js";
import {
  ALIVE,
  asLastcallError,
  errorMessage,
  farewellFrames,
  type Leaving,
  messageFrame,
  reasonOf,
  type Said,
  shutdownMessage,
  v1Encoding,
} from "./v1-words.js";

/** What is taken in its place behind the starts that came before it. */
type Later = PublishMessage | Extract<ClientMessage, { readonly type: "stop" }>;

/** A client that speaks `lastcall.v1` (PROTOCOL.md). */
export class V1Connection extends Peer {
  readonly protocol = SUBPROTOCOL;
  readonly encoding = v1Encoding;
  readonly resumable = true;
  readonly #server: V1Server;
  #feed: Feed | undefined;
  #leaving: Leaving | undefined;
  #cancelStart: Cancel = () => {};
  /** What came while a `start` is being answered: each gets its hello, in order. */
  #queue: (StartMessage | Later)[] | undefined;
  #publishing = 0;

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
    // After a goodbye nothing can be answered, so nothing is taken: the client sends it again elsewhere.
    if (!this.speaking) return;
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
    const { type } = message;
    const started = this.#feed !== undefined || this.#queue !== undefined;
    if (!started && type !== "start") this.outlet.reject(CLOSE.protocol, `${type} before start`);
    else if (type === "ping") this.#send({ type: "pong" });
    else if (this.#queue !== undefined) this.#queue.push(message);
    else if (type === "start") void this.#answer([message]);
    else this.#take(message);
  }

  protected tell(slotMs: number, closesInMs: number): void {
    const now = this.#server.clock.now();
    this.#leaving = { slotAt: now + slotMs, closesAt: now + closesInMs };
    // Who has not started hears it after its hello.
    if (this.session !== undefined) this.#sayShutdown();
  }

  protected goodbye(cursor: Id | undefined): Uint8Array {
    return farewellFrames(cursor);
  }

  protected get heartbeat(): Uint8Array | undefined {
    return this.session && ALIVE;
  }

  protected override over(): void {
    this.#cancelStart();
  }

  /** Starts one after the other, and what came behind them in its place. */
  async #answer(queue: (StartMessage | Later)[]): Promise<void> {
    this.#queue = queue;
    this.listen();
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (!this.speaking) break;
      if (next.type === "start") await this.#start(next);
      else this.#take(next);
    }
    this.#queue = undefined;
    this.listen();
  }

  #take(message: Later): void {
    if (message.type === "stop") this.session?.stop();
    else void this.#publish(message);
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
      if (after === undefined && before !== undefined) await this.#goOn(feed, before);
      else this.#begin(feed, await this.#server.locate(feed, after ?? "now"));
    } catch (thrown) {
      this.#refuse(CLOSE.overload, thrown);
    }
  }

  #begin(feed: Feed, { cursor, head }: Place): void {
    if (!this.speaking) return;
    const first = this.#feed === undefined;
    this.#feed = feed;
    this.session = new Session(feed, this, cursor);
    this.#hello(this.session, head);
    if (first) this.#sayShutdown();
    if (cursor !== head) this.events.behind(this);
    this.session.start();
  }

  /** From where the server stands: items go on meanwhile, also while the journal cannot be asked for its head. */
  async #goOn(feed: Feed, session: Session): Promise<void> {
    const { cursor } = session;
    const head = await feed.head().catch(() => feed.at);
    if (!this.speaking) return;
    // It may have come further meanwhile than the head was.
    const passed = session.cursor !== cursor && session.n > numberOf(head);
    this.#hello(session, passed ? session.cursor : head);
    session.start();
  }

  #hello({ cursor }: Session, head: Id): void {
    const { server, version, ...terms } = this.#server.terms;
    this.#send({ type: "hello", server, version, stream: this.stream, cursor, head, ...terms });
  }

  async #publish(message: PublishMessage): Promise<void> {
    const { key } = message;
    this.#publishing += 1;
    this.listen();
    let answer: Said;
    try {
      answer = { type: "ack", key, id: await this.#server.publish(this.stream, message) };
    } catch (thrown) {
      answer = errorMessage(key, asLastcallError(thrown));
    }
    this.#publishing -= 1;
    if (!this.speaking) return;
    // Answers that come in one turn of the event loop leave in one write.
    this.outlet.corkForTurn();
    this.#send(answer);
  }

  protected override listen(): void {
    const { full } = this.outlet;
    this.deaf = full || this.#queue !== undefined || this.#publishing >= PUBLISHES_IN_FLIGHT;
    if (full) this.awaitWritable();
  }

  #sayShutdown(): void {
    if (this.#leaving !== undefined) this.#send(shutdownMessage(this.#leaving, this.#server.clock.now()));
  }

  #send(message: Said): void {
    this.say(messageFrame(message));
    this.listen();
  }

  #refuse(code: number, thrown: unknown): void {
    this.outlet.reject(code, reasonOf(asLastcallError(thrown)));
  }
}
