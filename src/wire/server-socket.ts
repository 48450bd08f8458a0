import type { Socket } from "node:net";
import { WebSocket } from "ws";
import type { Outlet, OutletOwner } from "./outlet.js";

/** Beyond this many unsent bytes a ping is left unanswered. */
const PONG_BUFFER_BYTES = 16_384;

/**
 * The WebSocket of one client. Its listeners are the same few functions for all of them: closures would cost a
 * connection more memory than its session does.
 */
export class ServerSocket extends WebSocket implements Outlet {
  owner: OutletOwner | undefined;
  #socket: Socket | undefined;
  #saidGoodbye = false;
  #corkedForTurn = false;

  /** Gives everything that happens to `owner` from now on. */
  own(owner: OutletOwner, socket: Socket): void {
    this.owner = owner;
    this.#socket = socket;
    // Another's error listener would hold the request and its reply for as long as the connection lives.
    this.removeAllListeners("error");
    this.on("error", onError);
    this.on("message", onMessage);
    this.on("ping", onPing);
    this.on("pong", onPong);
    this.on("close", onClose);
  }

  /** Whether anything may still be sent: a close frame is the last thing on a connection, whoever sends it first. */
  get speaking(): boolean {
    return this.readyState === WebSocket.OPEN && !this.#saidGoodbye;
  }

  get peer(): string {
    return `${this.#socket?.remoteAddress ?? "?"}:${this.#socket?.remotePort ?? "?"}`;
  }

  get blocked(): boolean {
    return this.full || !this.speaking;
  }

  get full(): boolean {
    // A socket that has passed on all that it was given is not full, though Node says so until the turn's end.
    return this.#socket === undefined || (this.#socket.writableNeedDrain && this.#socket.writableLength > 0);
  }

  get unsent(): number {
    return this.#socket === undefined || this.#socket.destroyed ? 0 : this.#socket.writableLength;
  }

  get sent(): number {
    return this.#socket === undefined ? 0 : this.#socket.bytesWritten - this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  onDrain(callback: () => void): void {
    this.#socket?.once("drain", callback);
  }

  cork(): void {
    this.#socket?.cork();
  }

  uncork(): void {
    this.#socket?.uncork();
  }

  corkForTurn(): void {
    if (this.#corkedForTurn) return;
    this.#corkedForTurn = true;
    this.cork();
    process.nextTick(() => {
      this.#corkedForTurn = false;
      this.uncork();
    });
  }

  reject(code: number, reason?: string): void {
    if (!this.speaking) return;
    this.owner?.onClosing();
    super.close(code, reason);
  }

  /**
   * Sends the last frames, of which the very last is a close frame. ws's own `close` would send that by itself and set a
   * timer for each connection; here the one who says goodbye sees to it that it is answered in time.
   */
  farewell(frames: Uint8Array, sent: (error?: Error | null) => void): void {
    this.#saidGoodbye = true;
    this.#socket?.write(frames, sent);
  }

  /**
   * ws calls this, too, when the peer's close frame comes. If that answers our goodbye, all is said, and the server is to
   * close TCP at once (RFC 6455 section 7.1.1), over TLS with TLS's own goodbye.
   */
  override close(code?: number, data?: string | Buffer): void {
    // First, so that the owner finds nothing unsent that nobody will take any more.
    if (this.#saidGoodbye && this.#socket !== undefined) this.#hangUp(this.#socket);
    this.owner?.onClosing(code);
    if (!this.#saidGoodbye) super.close(code, data);
  }

  #hangUp(socket: Socket): void {
    // The owner hears the end; for ws's own ears the socket would end its streams once more, and for each of these
    // Node makes an error, with a stack, that nobody sees: a tenth of the time of a drain.
    const ws = socket.listeners("close").find(({ name }) => name.startsWith("socketOnClose"));
    if (ws !== undefined) socket.off("close", ws as () => void);
    if (!("encrypted" in socket)) return void this.terminate();
    socket.once("close", () => this.owner?.onClose());
    socket.destroySoon();
  }
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  if (this instanceof ServerSocket) this.owner?.onMessage(data, isBinary);
}
/** A peer that does not read gets no more answers than its socket takes (RFC 6455 section 5.5.3 lets pings share one). */
function onPing(this: WebSocket, data: Buffer): void {
  if (this instanceof ServerSocket && this.speaking && this.bufferedAmount < PONG_BUFFER_BYTES) this.pong(data);
}
function onPong(this: WebSocket): void {
  if (this instanceof ServerSocket) this.owner?.onPong();
}
function onClose(this: WebSocket): void {
  if (this instanceof ServerSocket) this.owner?.onClose();
}
/** ws closes the connection itself; `close` follows. */
function onError(): void {}
