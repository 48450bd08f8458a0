import type { Cancel } from "../base/clock.js";
import type { WebSocketPort } from "./websocket.js";

/** What is told of a text connection, in the order it happens. */
export type TextEvent =
  | { readonly type: "connecting"; readonly url: string }
  | { readonly type: "open" }
  /** One item's data. */
  | { readonly type: "received"; readonly text: string }
  /** A frame that the text protocol does not know (binary): dropped. */
  | { readonly type: "ignored" }
  /** `SHUTDOWN` came: the server drains, items go on coming. */
  | { readonly type: "shutdown" }
  /** `CLOSE` came: nothing more will; the server closes. */
  | { readonly type: "told" }
  /** An attempt came to nothing. */
  | { readonly type: "failed"; readonly why: string }
  /** An open connection ended as it should not; `closed` or `ended` follows. */
  | { readonly type: "lost"; readonly why: string }
  | { readonly type: "closed"; readonly code: number; readonly reason: string }
  | { readonly type: "waiting"; readonly ms: number }
  /** `stop` was called and nothing is open any more. The last event. */
  | { readonly type: "ended" };

/** One connection's own record. */
export interface Link {
  readonly socket: WebSocketPort;
  /** Whether any frame came. */
  heard: boolean;
  /** The last error's text. */
  error: string | undefined;
  code: number;
  reason: string;
}

interface Data {
  readonly connecting: { readonly link: Link; readonly cancel: Cancel };
  readonly open: { readonly link: Link };
  /** `SHUTDOWN` was seen. */
  readonly draining: { readonly link: Link };
  /** `CLOSE` was seen: the server's close frame is due. */
  readonly "closed-told": { readonly link: Link; readonly cancel: Cancel };
  /** Our close frame is sent, the server's is due. */
  readonly leaving: { readonly link: Link; readonly cancel: Cancel };
  readonly waiting: { readonly cancel: Cancel };
  readonly ended: { readonly final: true };
}

export type TextStateName = keyof Data;

/** The union of the states, each with its own data. */
export type TextState<N extends TextStateName = TextStateName> = {
  readonly [P in N]: { readonly name: P } & Data[P];
}[N];

/** What moves it: the socket, the protocol's two words, the state's own timer, the owner. */
export type TextInput = "opened" | "shutdown" | "close" | "closed" | "timeout" | "stop";

/** The state that follows, and what there is to tell about it. */
export type Move = readonly [next: TextState, ...events: TextEvent[]];

/** Every way from one state to another; what is not here changes nothing. */
export type TextTable = {
  readonly [N in TextStateName]: Readonly<Partial<Record<TextInput, (from: TextState<N>) => Move>>>;
};
