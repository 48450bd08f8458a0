import type { Fate } from "./connection.js";

/**
 * `open`: served. `told`: knows that the process goes away. `ending`: its turn has come, it is served up to the mark.
 * `closing`: the goodbye is written, nothing follows. `leaving`: it is about to go for a reason of its own. `closed`: it
 * is over, as far as we are concerned.
 */
export type Stage = "open" | "told" | "ending" | "closing" | "leaving" | "closed";

export const TRANSITIONS: Readonly<Record<Stage, readonly Stage[]>> = {
  open: ["told", "closing", "leaving", "closed"],
  told: ["ending", "closing", "leaving", "closed"],
  ending: ["closing", "leaving", "closed"],
  closing: ["closed"],
  leaving: ["closed"],
  closed: [],
};

/** Whether anything may still be said, and is still listened to: neither side has said goodbye. */
export function isSpeaking(stage: Stage): boolean {
  return stage === "open" || stage === "told" || stage === "ending";
}

/**
 * Why the goodbye was said. `complete`: everything up to the mark was given. `behind`: not everything, but the peer has a
 * cursor to go on from. `cut` and `lost`: its place was lost, in a drain or not.
 */
export type Farewell = "complete" | "behind" | "cut" | "lost";

/** How it came to its end: the peer's socket went, or we ended it; `overrun`: because it held too much and took nothing. */
export type End = "went" | "ended" | "overrun";

/** The fate of a connection that nobody had told anything yet. */
const UNTOLD: Readonly<Record<End, Fate>> = { went: "gone", ended: "silent", overrun: "slow" };

/** The last that is known of a connection when it ends. */
export interface Last {
  readonly stage: Exclude<Stage, "closed">;
  readonly how: End;
  readonly farewell: Farewell;
  /** Everything, the goodbye with it, is in the kernel's hands. */
  readonly flushed: boolean;
  /** The peer said goodbye of its own, after it was told. */
  readonly moved: boolean;
  /** The peer has a cursor, and goes on elsewhere whatever it missed here. */
  readonly resumable: boolean;
}

export function fateOf({ stage, how, farewell, flushed, moved, resumable }: Last): Fate {
  const cut = resumable ? "handed_over" : "cut";
  switch (stage) {
    case "open":
      return UNTOLD[how];
    case "told":
    case "ending":
      return how === "went" ? "gone" : cut;
    case "leaving":
      return moved && resumable ? "left" : "gone";
    case "closing":
      if (farewell === "behind") return "handed_over";
      if (farewell !== "complete") return farewell;
      if (how === "went") return flushed ? "left" : "gone";
      return flushed ? "unanswered" : cut;
  }
}
