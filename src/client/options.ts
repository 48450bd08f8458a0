import { type Clock, type Signal, systemClock } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import { DEFAULT_STREAM, type GapReason, type Id, isPosition, isStreamName, type Position } from "../protocol/ids.js";
import type { BackoffOptions } from "./backoff.js";
import { type Host, hostOf } from "./host.js";
import type { WebSocketConstructor } from "./websocket.js";

export interface Item<T = unknown> {
  readonly id: Id;
  /** When it was appended, ms since the Unix epoch. */
  readonly at: number;
  readonly data: T;
}

/** Items that cannot be had any more. */
export interface Gap {
  /** The last item's id before it. */
  readonly after: Id;
  /** Where it goes on: the next item is the one after this id. */
  readonly cursor: Id;
  /** `trimmed`: they were too old. `replaced`: the journal was emptied, restored, or lost its last writes. */
  readonly reason: GapReason;
}

/** An item's id, or nothing: what `localStorage.getItem` gives. */
export type Loaded = string | null | undefined;

/** Keeps a cursor over restarts and reloads. One client at a time: of two tabs each needs its own. */
export interface CursorStore {
  /** What was saved last, nothing when nothing was; asked once, before the first connection. */
  load(): Loaded | PromiseLike<Loaded>;
  /** Called after the application has taken an item, which is when it asks for the next; awaited before that comes. */
  save(cursor: Id): void | PromiseLike<void>;
}

export interface ConnectOptions {
  /** 1 to 64 letters, digits, `.`, `_` or `-`, starting with a letter or digit. Default `main`. */
  readonly stream?: string | undefined;
  /** Where to begin when `store` has nothing: after an item's id, at the `oldest` item kept, or from `now` on (default). */
  readonly after?: Position | undefined;
  readonly store?: CursorStore | undefined;
  /** Asked at every attempt to connect; has 30 s. When it throws or rejects, the attempt is made again after a backoff. */
  readonly token?: (() => string | undefined | PromiseLike<string | undefined>) | undefined;
  /**
   * Called where a gap is in the order of items, and awaited before the next one comes. Absent, the iteration throws a
   * `LastcallError` `gap` there, its `detail` being the gap.
   */
  readonly onGap?: ((gap: Gap) => void | PromiseLike<void>) | undefined;
  /** Items that may wait for the application; beyond it the server is told to stop. 1 to 1,000,000, default 1,000. */
  readonly buffer?: number | undefined;
  /** Ceilings of the waits between attempts. Defaults 1,000 and 30,000 ms. */
  readonly backoff?: BackoffOptions | undefined;
  /** Default the host's own; Node has one since 22, before that pass the one of `ws`. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Aborting is the same as `close()`. */
  readonly signal?: Signal | undefined;
  /** Where news of sleep and network come from. Default: the browser's events, where there are any. */
  readonly host?: Host | undefined;
  readonly clock?: Clock | undefined;
  /** From 0 up to, not including, 1; spreads the waits. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

export interface ParseOption<T> {
  /** Makes an item's data what the application works with. What it throws, the iteration throws. */
  readonly parse: (data: unknown) => T;
}

export type Settings = ReturnType<typeof settle>;

declare const WebSocket: WebSocketConstructor | undefined;

/**
 * The options with their defaults.
 * @throws LastcallError `invalid_request` that names the option, what it takes and what it got
 */
export function settle(url: string, options: ConnectOptions & Partial<ParseOption<unknown>>) {
  const { stream = DEFAULT_STREAM, after = "now", buffer = 1_000, backoff = {} } = options;
  if (typeof url !== "string" || url === "") throw fault("url", "a WebSocket URL", url);
  if (typeof stream !== "string" || !isStreamName(stream)) {
    throw fault("stream", "1 to 64 letters, digits, '.', '_' or '-'", stream);
  }
  if (typeof after !== "string" || !isPosition(after)) throw fault("after", "an item's id, `oldest` or `now`", after);
  if (!Number.isInteger(buffer) || buffer < 1 || buffer > 1_000_000) {
    throw fault("buffer", "a whole number from 1 to 1,000,000", buffer);
  }
  for (const [name, ms] of Object.entries(backoff)) {
    if (ms !== undefined && !(ms > 0 && ms <= 3_600_000)) {
      throw fault(`backoff.${name}`, "a number above 0 and up to 3,600,000 (ms)", ms);
    }
  }
  const { store } = options;
  for (const name of ["token", "parse", "onGap", "random"] as const) {
    if (options[name] !== undefined) checkFunction(name, options[name]);
  }
  if (store !== undefined) {
    checkFunction("store.load", store.load);
    checkFunction("store.save", store.save);
  }
  return {
    url,
    stream,
    after,
    buffer,
    backoff,
    store,
    token: options.token,
    onGap: options.onGap,
    signal: options.signal,
    WebSocket: options.WebSocket ?? hostWebSocket(),
    host: options.host ?? hostOf(),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

function hostWebSocket(): WebSocketConstructor {
  if (typeof WebSocket !== "undefined") return WebSocket;
  throw new LastcallError(
    "invalid_request",
    "WebSocket: this host has none (Node before 22); pass one: import { WebSocket } from 'ws'",
  );
}

function checkFunction(option: string, given: unknown): void {
  // The type alone is told: a token that was given as it is belongs into no message.
  if (typeof given !== "function") throw fault(option, "a function", typeof given);
}

function fault(option: string, bound: string, got: unknown): LastcallError {
  return new LastcallError("invalid_request", `${option}: expected ${bound}, got ${String(got)}`);
}
