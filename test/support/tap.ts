import type { WebSocketConstructor } from "../../src/client/websocket.js";
import { CLOSE } from "../../src/protocol/close-codes.js";
import { type Id, isId } from "../../src/protocol/ids.js";
import { memberText } from "../../src/protocol/json-member.js";
import { CLOSE_WORD, SHUTDOWN } from "../../src/protocol/text.js";
import { NodeWebSocket } from "../../src/service/node-websocket.js";
import type { Sighting } from "./ledger.js";

/** A sighting without its time. */
export type Seen = Sighting extends infer S ? (S extends Sighting ? Omit<S, "at"> : never) : never;

/** What a client's WebSockets saw, frame by frame, before the client saw it. */
export class Tap {
  readonly sightings: Sighting[] = [];
  /** A `WebSocket` for that client. */
  readonly WebSocket: WebSocketConstructor;
  readonly #changed: () => void;

  constructor(changed: () => void = () => {}) {
    this.#changed = changed;
    let sockets = 0;
    const next = () => {
      const socket = sockets;
      sockets += 1;
      return socket;
    };
    const note = (seen: Seen) => this.note(seen);
    this.WebSocket = class extends Tapped {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols, next(), note);
      }
    };
  }

  note(seen: Seen): void {
    this.sightings.push({ ...seen, at: performance.now() });
    this.#changed();
  }
}

class Tapped extends NodeWebSocket {
  readonly #socket: number;
  readonly #note: (seen: Seen) => void;
  #over = false;

  constructor(url: string, protocols: string | string[] | undefined, socket: number, note: (seen: Seen) => void) {
    super(url, protocols);
    this.#socket = socket;
    this.#note = note;
    const read = protocols === undefined ? readText : readV1;
    // The first listeners: the client's come after them.
    this.on("message", (data) => {
      if (!this.#over) for (const seen of read(String(data), socket)) note(seen);
    });
    this.on("close", (code) => this.#end({ type: "end", code, socket }));
  }

  override send(data: string): void {
    const message: unknown = JSON.parse(data);
    if (typeof message === "object" && message !== null && "type" in message && message.type === "start") {
      const after = "after" in message ? String(message.after) : undefined;
      this.#note({ type: "start", after, socket: this.#socket });
    }
    super.send(data);
  }

  override close(code?: number, reason?: string): void {
    // ws calls it too, to echo the server's code.
    if (code === CLOSE.normal) this.#end({ type: "leave", socket: this.#socket });
    super.close(code, reason);
  }

  override terminate(): void {
    this.#end({ type: "leave", socket: this.#socket });
    super.terminate();
  }

  #end(seen: Seen): void {
    if (!this.#over) this.#note(seen);
    this.#over = true;
  }
}

function readText(text: string, socket: number): readonly Seen[] {
  if (text === SHUTDOWN) return [{ type: "shutdown", socket }];
  if (text === CLOSE_WORD) return [{ type: "close", socket }];
  return [{ type: "item", id: undefined, data: text, socket }];
}

function readV1(text: string, socket: number): readonly Seen[] {
  const { type, id, cursor, reason } = JSON.parse(text);
  switch (type) {
    case "hello":
      return [{ type, cursor: idOf(cursor), socket }];
    case "item":
      return [{ type, id: idOf(id), data: memberText(text, "data") ?? "", socket }];
    case "gap":
      return [{ type, cursor: idOf(cursor), reason: String(reason), socket }];
    case "shutdown":
    case "close":
      return [{ type, socket }];
    default:
      return [];
  }
}

export function idOf(text: unknown): Id {
  if (typeof text === "string" && isId(text)) return text;
  throw new Error(`no id: ${String(text)}`);
}
