import { type Id, makeId, numberOf } from "../../src/protocol/ids.js";
import {
  type ClientMessage,
  parseClientMessage,
  type ServerMessage,
  SUBPROTOCOL,
} from "../../src/protocol/messages.js";
import { hello, id } from "./kit.js";
import type { ScriptedWebSocket } from "./scripted-websocket.js";

/** A journal as the protocol sees it: dense numbers, a tag for each time it was replaced, a trim base. */
export class ModelJournal {
  /** Everything that was ever appended, by id. */
  readonly all = new Map<Id, { readonly data: string; readonly key: string | undefined }>();
  #kept: Id[] = [];
  #base: Id = id(0);
  #tag = 0;
  readonly #keys = new Map<string, Id>();

  get head(): Id {
    return this.#kept.at(-1) ?? this.#base;
  }

  get base(): Id {
    return this.#base;
  }

  append(data: string, key?: string): Id {
    const known = key === undefined ? undefined : this.#keys.get(key);
    if (known !== undefined) return known;
    const appended = id(numberOf(this.head) + 1, this.#tag);
    this.#kept.push(appended);
    this.all.set(appended, { data, key });
    if (key !== undefined) this.#keys.set(key, appended);
    return appended;
  }

  trim(count: number): void {
    this.#base = this.#kept[Math.min(count, this.#kept.length) - 1] ?? this.#base;
    this.#kept = this.#kept.slice(count);
  }

  /** Restored from long ago, with `n` items that nobody here has seen. */
  replace(n: number): void {
    this.#tag += 1;
    this.#kept = [];
    this.#keys.clear();
    this.#base = makeId(n, id(0, this.#tag).slice(2));
  }

  /** What follows a cursor: the next item, nothing, or why it is no cursor. */
  after(cursor: Id): Id | "nothing" | { readonly reason: "trimmed" | "replaced"; readonly cursor: Id } {
    const at = this.#kept.indexOf(cursor);
    if (at >= 0 || cursor === this.#base) return this.#kept[at + 1] ?? "nothing";
    const same = cursor.endsWith(this.#base.slice(this.#base.indexOf("-")));
    if (same && numberOf(cursor) < numberOf(this.#base)) return { reason: "trimmed", cursor: this.#base };
    return { reason: "replaced", cursor: this.head };
  }
}

/** One connection of a server that does one thing at a time, when it is told to; what is under way can be lost. */
export class ModelConnection {
  readonly socket: ScriptedWebSocket;
  readonly #journal: ModelJournal;
  #heard = 0;
  #cursor: Id | undefined;
  #stopped = false;
  #told = false;
  #shutdown: ServerMessage | undefined;
  /** On its way to the client. */
  #down: ServerMessage[] = [];

  constructor(socket: ScriptedWebSocket, journal: ModelJournal) {
    this.socket = socket;
    this.#journal = journal;
  }

  get connecting(): boolean {
    return this.socket.readyState === 0;
  }

  get alive(): boolean {
    return this.socket.readyState === 1;
  }

  /** Everything is said and heard. */
  get idle(): boolean {
    if (!this.alive) return !this.connecting && this.socket.readyState !== 2;
    const quiet = this.#down.length === 0 && this.#unheard === undefined;
    return quiet && (this.#stopped || this.#cursor === undefined || this.#journal.after(this.#cursor) === "nothing");
  }

  accept(): void {
    if (this.connecting) this.socket.open(SUBPROTOCOL);
  }

  /** The connection is lost, with all that was under way. */
  cut(code: number): void {
    if (this.socket.readyState < 3) this.socket.closed(code);
  }

  /** Takes one frame of the client. */
  hear(unavailable: boolean): void {
    const frame = this.#unheard;
    if (frame === undefined || !this.alive) return;
    this.#heard += 1;
    if (frame.startsWith("send ")) this.#take(parseClientMessage(frame.slice("send ".length)), unavailable);
  }

  /** Puts one more item, or a gap, on the way. */
  give(): void {
    if (this.#cursor === undefined || this.#stopped || !this.alive) return;
    const next = this.#journal.after(this.#cursor);
    if (next === "nothing") return;
    if (typeof next === "object") {
      this.#down.push({ type: "gap", after: this.#cursor, ...next });
      this.#cursor = next.cursor;
    } else {
      this.#down.push({ type: "item", id: next, at: 1, data: this.#journal.all.get(next)?.data });
      this.#cursor = next;
    }
  }

  /** Lets `count` messages arrive. */
  deliver(count: number): void {
    for (const message of this.#down.splice(0, count)) {
      if (this.alive) this.socket.frame(JSON.stringify(message));
    }
  }

  /** Says that it goes away. */
  drain(reconnectInMs: number): void {
    this.#shutdown = { type: "shutdown", reconnectInMs, closesInMs: reconnectInMs + 2_500 };
    this.#tell();
  }

  /** Says that it is there. */
  beat(): void {
    if (this.alive && this.#cursor !== undefined) this.#down.push({ type: "alive" });
  }

  /** Answers a goodbye. */
  answer(): void {
    if (this.socket.readyState === 2) this.socket.closed(1000);
  }

  get #unheard(): string | undefined {
    return this.socket.done[this.#heard];
  }

  #take(message: ClientMessage, unavailable: boolean): void {
    if (message.type === "stop") this.#stopped = true;
    if (message.type === "ping") this.#down.push({ type: "pong" });
    if (message.type === "start") {
      this.#stopped = false;
      const { after } = message;
      if (after === "oldest") this.#cursor = this.#journal.base;
      else if (after === "now") this.#cursor = this.#journal.head;
      else this.#cursor = after ?? this.#cursor ?? this.#journal.head;
      this.#down.push(hello(this.#cursor, { head: this.#journal.head }));
      this.#tell();
    }
    if (message.type === "publish") {
      const { key } = message;
      this.#down.push(
        unavailable
          ? { type: "error", key, code: "journal_unavailable", message: "away", retryable: true }
          : { type: "ack", key, id: this.#journal.append(JSON.parse(message.data), key) },
      );
    }
  }

  #tell(): void {
    if (this.#shutdown === undefined || this.#told || this.#cursor === undefined) return;
    this.#told = true;
    this.#down.push(this.#shutdown);
  }
}
