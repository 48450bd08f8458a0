import { CLOSE } from "../protocol/close-codes.js";
import type { Id } from "../protocol/ids.js";
import type { Channel, Encoding, Gap } from "../stream/ports.js";
import type { Session } from "../stream/session.js";
import type { Connection, ConnectionEvents, Marks, Protocol } from "./connection.js";
import { type End, type Farewell, fateOf, isSpeaking, type Stage, TRANSITIONS } from "./life.js";
import type { Outlet, OutletOwner } from "./outlet.js";
import { Vigil } from "./vigil.js";

/** What all clients share: a session, a way out, a life that the drain may end. One object: there are ten thousand. */
export abstract class Peer implements Connection, Channel, OutletOwner {
  abstract readonly protocol: Protocol;
  abstract readonly encoding: Encoding;
  abstract readonly stream: string;
  abstract readonly resumable: boolean;
  protected readonly outlet: Outlet;
  protected readonly events: ConnectionEvents;
  protected session: Session | undefined;
  #stage: Stage = "open";
  #farewell: Farewell = "complete";
  #flushed = false;
  #moved = false;
  #awaiting = false;
  readonly #vigil = new Vigil();
  #deaf = false;

  constructor(outlet: Outlet, events: ConnectionEvents) {
    this.outlet = outlet;
    this.events = events;
  }

  get peer(): string {
    return this.outlet.peer;
  }

  get leavesByItself(): boolean {
    return false;
  }

  /** Serves from now on; its outlet is its own by then. */
  abstract start(): void;

  /** Tells the peer, in the words of its protocol, that this process goes away. */
  protected abstract tell(slotMs: number, closesInMs: number): void;

  /** The last words; `cursor` is where the session stands, if there is one. */
  protected abstract goodbye(cursor: Id | undefined): Uint8Array;

  /** What tells a peer that has heard nothing for a while that all is well. */
  protected abstract get heartbeat(): Uint8Array | undefined;

  abstract gap(gap: Gap): boolean;

  // What the session asks of its channel.

  get blocked(): boolean {
    return this.outlet.blocked;
  }

  get unsent(): number {
    return this.outlet.unsent;
  }

  awaitWritable(): void {
    if (this.#awaiting || !this.outlet.full) return;
    this.#awaiting = true;
    this.events.blocked(this);
    this.outlet.onDrain(() => {
      this.#awaiting = false;
      this.listen();
      this.session?.writable();
    });
  }

  write(frames: Uint8Array, items: number): void {
    this.#vigil.said();
    this.outlet.write(frames);
    this.events.wrote(this, items);
  }

  overrun(): void {
    this.#over("overrun", false);
  }

  arrived(): void {
    this.close("complete");
  }

  // What the drain asks of a connection.

  announce(slotMs: number, closesInMs: number): boolean {
    if (!this.#enter("told")) return false;
    this.tell(slotMs, closesInMs);
    return true;
  }

  end(marks: Marks): void {
    if (!this.#enter("ending")) return;
    // Items, the last words and the close of one client leave in one write.
    this.outlet.cork();
    const mark = marks.get(this.stream);
    if (this.session === undefined || mark === undefined) this.close("complete");
    else this.session.reach(mark);
    // Whoever has a cursor does not wait for what it has not had.
    if (this.resumable) this.close("behind");
    this.outlet.uncork();
  }

  terminate(): void {
    this.#over("ended", false);
  }

  ping(): boolean {
    return this.#vigil.round(this.outlet, this.#deaf);
  }

  beat(): void {
    if (!this.speaking || this.blocked || !this.#vigil.silent()) return;
    if (this.heartbeat !== undefined) this.outlet.write(this.heartbeat);
  }

  // What the outlet tells.

  abstract onMessage(data: Buffer, isBinary: boolean): void;

  onPong(): void {
    this.alive();
  }

  onClosing(code?: number): void {
    // After our goodbye it is the answer to it: all is said, whatever its socket does now.
    if (this.#stage === "closing") return void this.#over("went", true);
    const moved = this.#stage === "told" && code === CLOSE.normal;
    if (!this.#enter("leaving")) return;
    this.#moved = moved;
    this.session?.stop();
  }

  onClose(): void {
    this.#over("went", false);
  }

  // For the protocols.

  protected get stage(): Stage {
    return this.#stage;
  }

  protected get speaking(): boolean {
    return isSpeaking(this.#stage);
  }

  /** Nothing is taken from the peer while this is set; once goodbye was said, its own goodbye always is. */
  protected set deaf(wanted: boolean) {
    const deaf = wanted && this.speaking;
    if (deaf === this.#deaf) return;
    this.#deaf = deaf;
    if (deaf) this.outlet.pause();
    else this.outlet.resume();
  }

  /** Hears the peer only as long as it can be answered; looked at again whenever the outlet takes bytes again. */
  protected listen(): void {}

  /** Something was sent that is no item. */
  protected say(bytes: Uint8Array): void {
    this.#vigil.said();
    this.outlet.write(bytes);
  }

  /** The peer gave a sign of life. */
  protected alive(): void {
    // Once it was told goodbye, only its own goodbye counts.
    if (this.#stage !== "closing") this.#vigil.heard();
  }

  /** Says goodbye: nothing is written after it. */
  protected close(farewell: Farewell): void {
    if (!this.#enter("closing")) return;
    this.#farewell = farewell;
    this.session?.stop();
    this.#vigil.begin();
    // Flushed is: in the kernel's hands.
    this.outlet.farewell(this.goodbye(this.session?.cursor), (error) => {
      if (!error) this.#tellFlushed();
    });
  }

  #over(how: End, echoed: boolean): void {
    if (how !== "went") this.outlet.terminate();
    const stage = this.#stage;
    // Also when it was over before: what its socket held then may be gone by now.
    this.session?.stop();
    if (stage === "closed") return;
    // Who answers the goodbye has read everything before it.
    if (echoed) this.#tellFlushed();
    this.#stage = "closed";
    const told = { farewell: this.#farewell, flushed: this.#flushed, moved: this.#moved };
    this.events.closed(this, fateOf({ stage, how, ...told, resumable: this.resumable }), echoed);
    this.over();
  }

  /** It is closed. */
  protected over(): void {}

  #tellFlushed(): void {
    if (this.#flushed || this.#farewell !== "complete") return;
    this.#flushed = true;
    this.events.flushed(this);
  }

  #enter(next: Stage): boolean {
    if (!TRANSITIONS[this.#stage].includes(next)) return false;
    this.#stage = next;
    if (!this.speaking) this.deaf = false;
    return true;
  }
}
