import type { Cancel, Clock } from "../base/clock.js";
import { type Deferred, deferred } from "../base/deferred.js";
import { LastcallError, toError } from "../base/errors.js";
import { CLOSE } from "../protocol/close-codes.js";
import { type HelloMessage, type ServerMessage, SUBPROTOCOL } from "../protocol/messages.js";
import { closed, type End, fatal, left, lost, notTaken, tokenFailed } from "./ends.js";
import { readFrame } from "./frames.js";
import { type LinkOwner, type LinkState, letGo } from "./link-states.js";
import { Silence } from "./silence.js";
import { abandon, OPEN, reasonOf, type WebSocketConstructor, type WebSocketPort } from "./websocket.js";

/** How long `token()` may take, ms. */
export const TOKEN_TIMEOUT_MS = 30_000;
/** How long the connection may take, and then the server its `hello`, ms. */
export const OPEN_TIMEOUT_MS = 10_000;
/** How long the server may take to answer our close, ms. */
export const LEAVE_TIMEOUT_MS = 2_000;
/** How long a connection in doubt may take to show that it lives, ms. */
export const PROBE_TIMEOUT_MS = 4_000;

const STOP = '{"type":"stop"}';
/** Without `after`: go on where the server stands. */
const START = '{"type":"start"}';
const PING = '{"type":"ping"}';

export interface LinkOptions {
  readonly url: string;
  readonly stream: string;
  readonly WebSocket: WebSocketConstructor;
  readonly token: (() => string | undefined | PromiseLike<string | undefined>) | undefined;
  readonly clock: Clock;
}

/** One connection that speaks `lastcall.v1`: asks for a token, connects, starts, hands its owner what comes, and ends. */
export class Link {
  /** When the server goes away, by the clock: it said so. */
  shutdown: { readonly slotAt: number; readonly closesAt: number } | undefined;
  readonly #options: LinkOptions;
  readonly #owner: LinkOwner;
  readonly #gone: Deferred<void> = deferred();
  #state: LinkState = { name: "new" };
  #stopped = false;

  constructor(options: LinkOptions, owner: LinkOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Begins. The end may come before this returns. */
  open(): void {
    if (this.#state.name !== "new") return;
    const { token } = this.#options;
    if (token === undefined) {
      this.#connect(undefined);
    } else {
      this.#state = { name: "asking", cancel: this.#limit(TOKEN_TIMEOUT_MS, "token", "token() did not settle in") };
      void this.#ask(token);
    }
  }

  /** The server's `hello`, as long as the connection is live. */
  get hello() {
    return this.#state.name === "live" ? this.#state.hello : undefined;
  }

  /** Settles at the end. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Sends one frame; nothing unless the connection is live. */
  send(frame: string): void {
    const state = this.#state;
    if (state.name === "live" && state.socket.readyState === OPEN) state.socket.send(frame);
  }

  /** Tells the server to give nothing, or to go on where it stands. */
  stop(stopped: boolean): void {
    if (this.#state.name !== "live" || stopped === this.#stopped) return;
    this.#stopped = stopped;
    this.send(stopped ? STOP : START);
  }

  /** The connection may have died unheard: it has `PROBE_TIMEOUT_MS` to say anything. */
  probe(): void {
    const state = this.#state;
    if (state.name === "live" && state.silence.doubt(PROBE_TIMEOUT_MS)) this.send(PING);
  }

  /** Says goodbye with 1000 where there is somebody to say it to; reads nothing more. */
  leave(): void {
    const state = this.#state;
    if (state.name === "starting" || state.name === "live") {
      letGo(state);
      const { socket } = state;
      this.#state = { name: "leaving", socket, cancel: this.#after(LEAVE_TIMEOUT_MS, left) };
      socket.close(CLOSE.normal);
    } else if (state.name !== "leaving") {
      this.#drop(left());
    }
  }

  /** Lets go of it at once: what it says is not what it should say. */
  break(message: string): void {
    this.#drop(lost("broken", message));
  }

  async #ask(token: NonNullable<LinkOptions["token"]>): Promise<void> {
    try {
      const got = await token();
      if (got !== undefined && typeof got !== "string") throw new TypeError(`expected a string, got ${typeof got}`);
      if (this.#state.name === "asking") this.#connect(got);
    } catch (thrown) {
      if (this.#state.name === "asking") this.#end(tokenFailed(thrown));
    }
  }

  #connect(token: string | undefined): void {
    letGo(this.#state);
    const { url, WebSocket, clock } = this.#options;
    let socket: WebSocketPort;
    try {
      socket = new WebSocket(url, SUBPROTOCOL);
    } catch (thrown) {
      this.#end(notTaken(thrown));
      return;
    }
    let error: string | undefined;
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      this.#start(socket, token);
    });
    socket.addEventListener("message", ({ data }) => this.#hear(data));
    socket.addEventListener("error", (event) => {
      error ??= reasonOf(event);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      const renewable = this.#options.token !== undefined;
      const how = { code, reason, error, refusal: socket.refusal, opened, renewable };
      this.#end(this.#state.name === "leaving" ? left() : closed(how, clock.epoch()));
    });
    this.#state = { name: "opening", socket, cancel: this.#limit(OPEN_TIMEOUT_MS, "unreachable", "no answer in") };
  }

  #start(socket: WebSocketPort, token: string | undefined): void {
    if (this.#state.name !== "opening") return;
    letGo(this.#state);
    if (socket.protocol !== SUBPROTOCOL) {
      const chosen = socket.protocol === "" ? "none" : socket.protocol;
      const message = `the server does not speak ${SUBPROTOCOL}: it chose ${chosen}`;
      this.#drop(fatal(new LastcallError("unsupported_subprotocol", message)));
      return;
    }
    this.#state = { name: "starting", socket, cancel: this.#limit(OPEN_TIMEOUT_MS, "silent", "no hello in") };
    const { stream } = this.#options;
    socket.send(JSON.stringify({ type: "start", stream, after: this.#owner.position(), token }));
    // Without waiting for the hello: what comes until the server has heard it adds to what is too much already.
    this.#stopped = this.#owner.stopped;
    if (this.#stopped) socket.send(STOP);
  }

  #hear(frame: unknown): void {
    const state = this.#state;
    if (state.name !== "starting" && state.name !== "live") return;
    let message: ServerMessage | undefined;
    try {
      message = readFrame(frame);
    } catch (thrown) {
      this.break(toError(thrown).message);
      return;
    }
    if (state.name === "starting") {
      if (message?.type === "hello") this.#greet(state.socket, message);
    } else {
      state.silence.heard();
      if (message !== undefined) this.#owner.received(this, message);
    }
  }

  #greet(socket: WebSocketPort, message: HelloMessage): void {
    if (message.stream !== this.#options.stream) {
      this.break(`hello for another stream: ${message.stream}`);
      return;
    }
    letGo(this.#state);
    const silence = new Silence(this.#options.clock, 2 * message.heartbeatMs, (ms) => {
      this.#drop(lost("silent", `nothing heard for ${ms / 1_000} seconds`, true));
    });
    this.#state = { name: "live", socket, silence, hello: message };
    this.stop(this.#owner.stopped);
    this.#owner.received(this, message);
  }

  #limit(ms: number, reason: "token" | "unreachable" | "silent", what: string): Cancel {
    return this.#after(ms, () => lost(reason, `${what} ${ms / 1_000} seconds`));
  }

  #after(ms: number, end: () => End): Cancel {
    return this.#options.clock.after(ms, () => this.#drop(end()));
  }

  #drop(end: End): void {
    const state = this.#state;
    this.#end(end);
    if ("socket" in state) abandon(state.socket);
  }

  #end(end: End): void {
    const state = this.#state;
    if (state.name === "over") return;
    letGo(state);
    this.#state = { name: "over" };
    this.#gone.resolve();
    this.#owner.over(this, end);
  }
}
