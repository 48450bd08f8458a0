import { WebSocket } from "ws";
import type { Refusal, WebSocketPort } from "../client/websocket.js";

/** Largest message taken, bytes: far above a server's default limit for items, far below what would hurt a terminal. */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;

/** The clients' WebSocket on Node: that of `ws`, which here also keeps the HTTP answer of a refused upgrade. */
export class NodeWebSocket extends WebSocket implements WebSocketPort {
  refusal: Refusal | undefined;

  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols, { maxPayload: MAX_PAYLOAD_BYTES, perMessageDeflate: false });
    this.once("unexpected-response", (_request, response) => {
      this.refusal = { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] };
      // With a listener here, ending the attempt is ours to do; `error` and `close` follow.
      this.terminate();
    });
  }
}
