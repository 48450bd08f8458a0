/**
 * The part of a WebSocket that the clients here use. The browser's `WebSocket` and the one of `ws` both fit; listeners
 * are added once and never removed, so an owner that has let go of a socket ignores what it still says.
 */
export interface WebSocketPort {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** The subprotocol the server chose; empty when it chose none. */
  readonly protocol: string;
  /** Why the upgrade was refused, where the host can see it (browsers cannot). Set before `error`. */
  readonly refusal?: Refusal | undefined;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "error", listener: (event: SocketError) => void): void;
  addEventListener(type: "close", listener: (event: SocketClose) => void): void;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** Drops the connection without a close handshake, where the host can. */
  terminate?(): void;
}

/** The HTTP answer that came instead of an upgrade. */
export interface Refusal {
  readonly status: number;
  /** The `Retry-After` header as it came. */
  readonly retryAfter: string | undefined;
}

/** Browsers say nothing but the type; `ws` adds the message and the error. */
export interface SocketError {
  readonly type: string;
  readonly message?: unknown;
  readonly error?: unknown;
}

export interface SocketClose {
  readonly code: number;
  readonly reason: string;
}

export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketPort;

/** `readyState` of a socket that takes frames. */
export const OPEN = 1;

/** Lets go of a socket at once, as far as the host can. */
export function abandon(socket: WebSocketPort): void {
  if (socket.terminate) socket.terminate();
  else socket.close();
}

/**
 * What an `error` event says, as one text. A host that tried several addresses (`localhost` is often two) gives an error
 * with an empty message that holds one error for each.
 */
export function reasonOf(event: SocketError): string {
  return textOf(event.error) ?? nonEmpty(event.message) ?? "no reason given";
}

function textOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("message" in error && nonEmpty(error.message)) return nonEmpty(error.message);
  if ("errors" in error && Array.isArray(error.errors)) {
    const texts = error.errors.map(textOf).filter((text) => text !== undefined);
    if (texts.length > 0) return [...new Set(texts)].join("; ");
  }
  return "code" in error ? nonEmpty(error.code) : undefined;
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
