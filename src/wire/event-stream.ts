import type { ServerResponse } from "node:http";
import type { Outlet, OutletOwner } from "./outlet.js";

/** An HTTP response that stays open, as the way out to one peer; its head has been written. */
export class EventStream implements Outlet {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  own(owner: OutletOwner): void {
    // A write after the peer has gone is no news: `close` tells it.
    this.#response.on("error", () => {});
    this.#response.once("close", () => owner.onClose());
  }

  get peer(): string {
    const { socket } = this.#response;
    return `${socket?.remoteAddress ?? "?"}:${socket?.remotePort ?? "?"}`;
  }

  get blocked(): boolean {
    return this.full || this.#response.writableEnded;
  }

  get full(): boolean {
    return this.#response.writableNeedDrain || this.#response.destroyed;
  }

  get sent(): number {
    const { socket } = this.#response;
    return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
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

  cork(): void {
    this.#response.cork();
  }

  uncork(): void {
    this.#response.uncork();
  }

  pause(): void {}

  resume(): void {}

  reject(): void {
    this.terminate();
  }

  terminate(): void {
    this.#response.destroy();
  }
}
