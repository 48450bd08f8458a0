import type { Clock } from "../base/clock.js";
import { deferred } from "../base/deferred.js";
import { CLOSE } from "../protocol/close-codes.js";
import { CLOSE_WORD, SHUTDOWN } from "../protocol/text.js";
import { backoffMs, retryAfterMs } from "./backoff.js";
import type { Link, Move, TextEvent, TextInput, TextState, TextStateName, TextTable } from "./text-states.js";
import { abandon, OPEN, reasonOf, type WebSocketConstructor } from "./websocket.js";

/** How long an attempt may take, ms. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** How long the server may take to close after `CLOSE`, ms. */
export const TOLD_TIMEOUT_MS = 10_000;
/** How long the server may take to answer our close, ms. */
export const LEAVE_TIMEOUT_MS = 2_000;

/** Close codes of a server that leaves in good order: 1001 and 1005 (a close frame without a code) are other servers'. */
const FAREWELLS: ReadonlySet<number> = new Set([CLOSE.normal, 1001, 1005, CLOSE.restart]);

export interface TextClientOptions {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  /** From 0 up to, not including, 1; spreads the waits. Default `Math.random`. */
  readonly random?: () => number;
  /** Hears everything, in order; the first `connecting` comes before `connectText` returns. */
  readonly onEvent: (event: TextEvent) => void;
}

export interface TextClient {
  readonly state: TextStateName;
  /** Sends one text frame; false, and nothing sent, unless the connection is open and the server is not draining. */
  send(text: string): boolean;
  /** Leaves with 1000, or at once when nothing is open. Never connects again. More calls change nothing. */
  stop(): void;
  /** Resolves after `stop`, when nothing is open any more: at most `LEAVE_TIMEOUT_MS` later. */
  readonly ended: Promise<void>;
}

/**
 * The text protocol's client (PROTOCOL.md, "Text"): connects, tells what comes, and comes back whenever the connection
 * ends, until it is stopped. Between two connections items may be missed: the text protocol has no cursor.
 *
 * After `SHUTDOWN` it goes on receiving. After `CLOSE` it leaves the closing to the server, for `TOLD_TIMEOUT_MS`.
 * It comes back after full-jitter backoff, and not before a refusal's `Retry-After` has passed.
 * @throws whatever the WebSocket constructor throws for a URL it does not take.
 */
export function connectText(options: TextClientOptions): TextClient {
  const { clock, onEvent, random = Math.random } = options;
  const ended = deferred();
  let attempt = 0;

  const table: TextTable = {
    connecting: {
      opened: ({ link }) => [{ name: "open", link }, { type: "open" }],
      closed: failed,
      timeout: ({ link }) => {
        abandon(link.socket);
        link.error = `no answer in ${CONNECT_TIMEOUT_MS / 1_000} seconds`;
        return failed({ link });
      },
      stop: ({ link }) => {
        abandon(link.socket);
        return end();
      },
    },
    open: {
      shutdown: ({ link }) => [{ name: "draining", link }, { type: "shutdown" }],
      close: told,
      closed,
      stop: leave,
    },
    draining: { close: told, closed, stop: leave },
    "closed-told": {
      closed,
      timeout: ({ link }) => {
        abandon(link.socket);
        link.error = `not closed ${TOLD_TIMEOUT_MS / 1_000} seconds after ${CLOSE_WORD}`;
        return closed({ link });
      },
      stop: leave,
    },
    leaving: {
      closed: end,
      timeout: ({ link }) => {
        abandon(link.socket);
        const [next, ...events] = end();
        return [next, { type: "lost", why: `close not answered in ${LEAVE_TIMEOUT_MS / 1_000} seconds` }, ...events];
      },
    },
    waiting: { timeout: connect, stop: end },
    ended: {},
  };

  function connect(): Move {
    const socket = new options.WebSocket(options.url);
    const link: Link = { socket, heard: false, error: undefined, code: 1006, reason: "" };
    socket.addEventListener("open", () => from(link, "opened"));
    socket.addEventListener("message", ({ data }) => onFrame(link, data));
    socket.addEventListener("error", (event) => {
      link.error ??= reasonOf(event);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      link.code = code;
      link.reason = reason;
      from(link, "closed");
    });
    return [
      { name: "connecting", link, cancel: limit(CONNECT_TIMEOUT_MS) },
      { type: "connecting", url: options.url },
    ];
  }

  function told({ link }: { readonly link: Link }): Move {
    return [{ name: "closed-told", link, cancel: limit(TOLD_TIMEOUT_MS) }, { type: "told" }];
  }

  function leave({ link }: { readonly link: Link }): Move {
    link.socket.close(CLOSE.normal);
    return [{ name: "leaving", link, cancel: limit(LEAVE_TIMEOUT_MS) }];
  }

  function failed({ link }: { readonly link: Link }): Move {
    const { refusal } = link.socket;
    const retryAfter = refusal?.retryAfter === undefined ? "" : `, Retry-After: ${refusal.retryAfter}`;
    const why = refusal ? `HTTP ${refusal.status}${retryAfter}` : (link.error ?? `close code ${link.code}`);
    return wait(retryAfterMs(refusal?.retryAfter, clock.epoch()), { type: "failed", why });
  }

  function closed({ link }: { readonly link: Link }): Move {
    if (link.heard) attempt = 0;
    const event: TextEvent = { type: "closed", code: link.code, reason: link.reason };
    if (link.error === undefined && FAREWELLS.has(link.code)) return wait(0, event);
    const why = link.error ?? `close code ${link.code}${link.reason === "" ? "" : `, ${link.reason}`}`;
    return wait(0, { type: "lost", why }, event);
  }

  /** Jitter comes on top of the least wait: all who were told the same `Retry-After` must not return at its end. */
  function wait(leastMs: number, ...before: TextEvent[]): Move {
    const ms = leastMs + backoffMs(attempt, random);
    attempt += 1;
    return [{ name: "waiting", cancel: limit(ms) }, ...before, { type: "waiting", ms }];
  }

  function end(): Move {
    return [{ name: "ended", final: true }, { type: "ended" }];
  }

  function limit(ms: number) {
    return clock.after(ms, () => take(state, "timeout"));
  }

  function take<N extends TextStateName>(now: TextState<N>, input: TextInput): void {
    const move = table[now.name][input];
    if (move === undefined) return;
    if ("cancel" in now) now.cancel();
    enter(move(now));
  }

  function enter([next, ...events]: Move): void {
    state = next;
    for (const event of events) {
      // A listener may have stopped us in between: what is left to tell is then no longer so.
      if (state !== next) return;
      onEvent(event);
    }
    if (next.name === "ended") ended.resolve();
  }

  function from(link: Link, input: TextInput): void {
    if ("link" in state && state.link === link) take(state, input);
  }

  function onFrame(link: Link, data: unknown): void {
    if (!("link" in state) || state.link !== link || state.name === "leaving") return;
    link.heard = true;
    if (data === SHUTDOWN) from(link, "shutdown");
    else if (data === CLOSE_WORD) from(link, "close");
    else onEvent(typeof data === "string" ? { type: "received", text: data } : { type: "ignored" });
  }

  let state: TextState = { name: "waiting", cancel: () => {} };
  take(state, "timeout");

  return {
    get state() {
      return state.name;
    },
    send(text) {
      if (state.name !== "open" || state.link.socket.readyState !== OPEN) return false;
      state.link.socket.send(text);
      return true;
    },
    stop: () => take(state, "stop"),
    ended: ended.promise,
  };
}
