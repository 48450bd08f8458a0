import type { LastcallError } from "../base/errors.js";

/**
 * Why nothing is open.
 * `unreachable`: no connection came about. `refused`: an HTTP answer came instead. `restart`: the server drains (1012).
 * `overload`: it has too much to do (1013). `unauthorized`: the token is missing or has expired (4401). `token`: `token()`
 * failed. `lost`: the connection ended as it should not. `silent`: nothing was heard for too long. `broken`: what came
 * did not go on from the cursor, or was no message at all.
 */
export type WaitReason =
  | "unreachable"
  | "refused"
  | "restart"
  | "overload"
  | "unauthorized"
  | "token"
  | "lost"
  | "silent"
  | "broken";

export type Status =
  /** A connection is being made; `attempt` is 0 for the first since the last one that gave something. */
  | { readonly type: "connecting"; readonly attempt: number }
  /** Items flow, publishes go out. `server` and `version` are the server's own words. */
  | { readonly type: "open"; readonly server: string; readonly version: string }
  /** As `open`, from a server that goes away: the next connection is made beside it. */
  | {
      readonly type: "handing_over";
      readonly server: string;
      readonly version: string;
      /** When the next attempt begins, and when the server closes: ms from the moment of this status. */
      readonly reconnectInMs: number;
      readonly closesInMs: number;
      /** Attempts that failed so far. */
      readonly failed: number;
    }
  /** Nothing is open until the next attempt; `message` is for people. */
  | {
      readonly type: "waiting";
      readonly reason: WaitReason;
      readonly message: string;
      /** Ms from the moment of this status. */
      readonly retryInMs: number;
      /** Which one the next is; as in `connecting`. */
      readonly attempt: number;
      /** The host said that there is no network. */
      readonly offline: boolean;
    }
  /** The last: the application closed it, or, with `error`, it cannot go on. */
  | { readonly type: "closed"; readonly error?: LastcallError | Error };

/** What can be read at any time and watched; `get` gives the same object until something changes. */
export interface Readable<S> {
  get(): S;
  /** Calls `listener` after every change; the returned function ends it. Both functions may be used without `this`. */
  subscribe(listener: (value: S) => void): () => void;
}

export interface Writable<S> extends Readable<S> {
  set(value: S): void;
}

export function writable<S>(first: S): Writable<S> {
  const listeners = new Set<{ readonly tell: (value: S) => void }>();
  let value = first;
  return {
    get: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      for (const listener of [...listeners]) {
        // A listener may have changed it, or ended another, in between.
        if (value !== next) return;
        if (listeners.has(listener)) apart(() => listener.tell(next));
      }
    },
    subscribe(tell) {
      const listener = { tell };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** A listener that throws is its owner's fault: told to the host as an unhandled rejection, it disturbs nobody here. */
function apart(call: () => void): void {
  try {
    call();
  } catch (thrown) {
    void Promise.reject(thrown);
  }
}
