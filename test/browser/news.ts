import type { Status } from "../../src/client.js";

/** What the test page tells the test, as it happens. */
export type News =
  | { readonly type: "item"; readonly id: string; readonly data: unknown }
  | { readonly type: "status"; readonly status: Status }
  /** Of an EventSource: `open`, `error` and the server's own; with its `readyState` at that moment. */
  | { readonly type: "event"; readonly name: string; readonly readyState: number; readonly data?: string }
  /** The page was hidden, shown, frozen, resumed; the network went or came. */
  | { readonly type: "host"; readonly name: string };

export type Tell = (news: News) => void;
