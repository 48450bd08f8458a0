import type {
  Refusal,
  SocketClose,
  SocketError,
  WebSocketConstructor,
  WebSocketPort,
} from "../../src/client/websocket.js";

/**
 * A WebSocket whose other side is the test. Real ones are used wherever they can be; this one is for what a real one
 * cannot be made to do on command: never answer, never close, or answer after it was let go.
 */
export class ScriptedWebSocket implements WebSocketPort {
  readyState = 0;
  protocol = "";
  refusal: Refusal | undefined;
  /** What the client did, in order. */
  readonly done: string[] = [];
  readonly #listeners = new Map<string, ((event: never) => void)[]>();

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(data: string): void {
    this.done.push(`send ${data}`);
  }

  close(code?: number): void {
    this.done.push(`close ${code}`);
    this.readyState = Math.max(this.readyState, 2);
  }

  terminate(): void {
    this.done.push("terminate");
    this.readyState = 3;
  }

  open(protocol = ""): void {
    this.readyState = 1;
    this.protocol = protocol;
    this.#tell("open", {});
  }

  frame(data: unknown): void {
    this.#tell("message", { data });
  }

  error(event: Omit<SocketError, "type">): void {
    this.#tell("error", { type: "error", ...event });
  }

  closed(code: number, reason = ""): void {
    this.readyState = 3;
    this.#tell("close", { code, reason } satisfies SocketClose);
  }

  #tell(type: string, event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) Reflect.apply(listener, undefined, [event]);
  }
}

/** A constructor of scripted sockets, and those it made. */
export interface Script {
  readonly WebSocket: WebSocketConstructor;
  /** In the order they were made. */
  readonly sockets: readonly ScriptedWebSocket[];
  /** The newest. */
  readonly socket: ScriptedWebSocket;
}

export function scripted(): Script {
  const sockets: ScriptedWebSocket[] = [];
  return {
    WebSocket: class extends ScriptedWebSocket {
      constructor() {
        super();
        sockets.push(this);
      }
    },
    sockets,
    get socket() {
      const socket = sockets.at(-1);
      if (socket === undefined) throw new Error("no connection was tried yet");
      return socket;
    },
  };
}
