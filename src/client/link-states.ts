import type { Cancel } from "../base/clock.js";
import type { Position } from "../protocol/ids.js";
import type { HelloMessage, ServerMessage } from "../protocol/messages.js";
import type { End } from "./ends.js";
import type { Link } from "./link.js";
import type { Silence } from "./silence.js";
import type { WebSocketPort } from "./websocket.js";

/** One connection, from the asking for a token to its end. */
export type LinkState =
  | { readonly name: "new" }
  /** `token()` was called. */
  | { readonly name: "asking"; readonly cancel: Cancel }
  /** The socket connects. */
  | { readonly name: "opening"; readonly socket: WebSocketPort; readonly cancel: Cancel }
  /** `start` was sent: what comes before its `hello` is void. */
  | { readonly name: "starting"; readonly socket: WebSocketPort; readonly cancel: Cancel }
  | { readonly name: "live"; readonly socket: WebSocketPort; readonly silence: Silence; readonly hello: HelloMessage }
  /** Our close frame is sent, the server's is due; what still comes is not read. */
  | { readonly name: "leaving"; readonly socket: WebSocketPort; readonly cancel: Cancel }
  | { readonly name: "over" };

/** Takes back the timer of a state that ends. */
export function letGo(state: LinkState): void {
  if ("cancel" in state) state.cancel();
  else if (state.name === "live") state.silence.stop();
}

/** Who a connection belongs to. */
export interface LinkOwner {
  /** Where to start; asked when the socket has opened. */
  position(): Position;
  /** Whether the server is to give nothing at first; asked with the start, and after `hello`. */
  readonly stopped: boolean;
  /** A message after the start; the first is `hello`. Nothing comes after `leave`. */
  received(link: Link, message: ServerMessage): void;
  /** The end, told once. */
  over(link: Link, end: End): void;
}
