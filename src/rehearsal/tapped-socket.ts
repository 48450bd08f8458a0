import { WebSocket } from "ws";
import type { Refusal, WebSocketPort } from "../client/websocket.js";
import { CLOSE } from "../protocol/close-codes.js";
import type { Notes } from "./notes.js";
import type { Watching } from "./observer.js";

const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;

/** Hears each frame before the client does, while the connection is the client's. */
export type Hear = (text: string, socket: TappedSocket) => void;

/** The clients' WebSocket, with somebody who writes down what happens on it. */
export class TappedSocket extends WebSocket implements WebSocketPort {
  refusal: Refusal | undefined;
  readonly connection: number;
  localPort: number | undefined;
  readonly #notes: Notes;
  #error: string | undefined;
  #state: "dialled" | "open" | "over" = "dialled";

  constructor(url: string, protocols: string | string[] | undefined, notes: Notes, watching: Watching, hear: Hear) {
    super(url, protocols, { maxPayload: MAX_PAYLOAD_BYTES, perMessageDeflate: false });
    const connection = notes.connection();
    this.connection = connection;
    this.#notes = notes;
    notes.note({ type: "dial", connection });
    this.on("upgrade", ({ socket }) => {
      this.#state = "open";
      this.localPort = socket.localPort;
      const replica = this.localPort === undefined ? undefined : watching.replicaOf(this.localPort);
      notes.note({ type: "open", connection, replica });
    });
    this.on("unexpected-response", (_request, response) => {
      this.refusal = { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] };
      this.#over(() => notes.note({ type: "refused", connection, status: response.statusCode ?? 0 }));
      // With a listener here, ending the attempt is ours to do; `error` and `close` follow.
      this.terminate();
    });
    // The first listeners: the client's come after them.
    this.on("message", (data) => {
      if (this.#state === "open") hear(String(data), this);
    });
    this.on("error", (error) => {
      this.#error = "code" in error ? String(error.code) : error.message;
    });
    this.on("close", (code) => this.#ended(code));
  }

  override close(code?: number, reason?: string | Buffer): void {
    // ws itself calls it too, to echo the server's close: with the reason as bytes, or with nothing.
    if (code === CLOSE.normal && typeof reason !== "object") this.#left();
    super.close(code, reason);
  }

  override terminate(): void {
    this.#left();
    super.terminate();
  }

  #left(): void {
    this.#over(() => this.#notes.note({ type: "leave", connection: this.connection }));
  }

  #ended(code: number): void {
    const { connection } = this;
    const error = this.#error;
    const opened = this.#state === "open";
    this.#over(() => {
      if (!opened) this.#notes.note({ type: "refused", connection, error: error ?? "ended" });
      // 1006 was never sent: the connection ended without a close frame.
      else this.#notes.note({ type: "end", connection, code: code === 1006 ? undefined : code, error });
    });
  }

  #over(note: () => void): void {
    if (this.#state !== "over") note();
    this.#state = "over";
  }
}
