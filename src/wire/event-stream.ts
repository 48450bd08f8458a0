import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Outlet, OutletOwner } from "./outlet.js";

/** An HTTP response that stays open, as the way out to one peer; its head has been written. */
export class EventStream implements Outlet {
  readonly #response: ServerResponse;
  readonly #socket: Socket;

  constructor(response: ServerResponse, socket: Socket) {
    this.#response = response;
    this.#socket = socket;
  }

  own(owner: OutletOwner): void {
    // A write after the peer has gone is no news: `close` tells it.
    this.#response.on("error", () => {});
    const over = () => {
      this.#socket.off("close", over);
      owner.onClose();
    };
    this.#response.once("close", over);
    // A response whose turn on its connection has not come does not hear of that one's end.
    this.#socket.once("close", over);
  }

  get peer(): string {
    return `${this.#socket.remoteAddress ?? "?"}:${this.#socket.remotePort ?? "?"}`;
  }

  get blocked(): boolean {
    return this.full || this.#response.writableEnded;
  }

  get full(): boolean {
    const { writableNeedDrain, writableLength } = this.#response;
    return this.#gone || (writableNeedDrain && writableLength > 0);
  }

  get unsent(): number {
    return this.#gone ? 0 : this.#response.writableLength;
  }

  /** A response whose turn never came outlives its connection. */
  get #gone(): boolean {
    return this.#response.destroyed || this.#socket.destroyed;
  }

  get sent(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    this.#response.write(bytes);
  }

  farewell(bytes: Uint8Array, sent: (error?: Error | null) => void): void {
    this.#response.end(bytes, () => sent());
  }

  onDrain(callback: () => void): void {
    this.#response.once("drain", callback);
  }

  /** Events go one way: nobody can answer. */
  ping(): void {}

  /**
   * The socket is corked, not the response: in newer versions of Node a corked response keeps its chunks apart, and
   * its end would overtake them.
   */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** A response does so by itself. */
  corkForTurn(): void {}

  pause(): void {}

  resume(): void {}

  reject(): void {
    this.terminate();
  }

  terminate(): void {
    this.#response.destroy();
  }
}
