import { type ErrorCode, LastcallError, toError } from "../base/errors.js";
import { CLOSE } from "../protocol/close-codes.js";
import { retryAfterMs } from "./backoff.js";
import type { WaitReason } from "./status.js";
import type { Refusal } from "./websocket.js";

/** How a connection, or the attempt at one, came to its end. */
export type End =
  /** We left it. */
  | { readonly type: "left" }
  /** There is no use in coming back. */
  | { readonly type: "fatal"; readonly error: LastcallError }
  | {
      readonly type: "lost";
      readonly reason: WaitReason;
      readonly message: string;
      /** The first attempt after it needs no wait. */
      readonly atOnce: boolean;
      /** What the server asked for, ms. */
      readonly retryAfterMs: number;
    };

/** An end after which there is a way on. */
export type Lost = Extract<End, { type: "lost" }>;

const LEFT: End = { type: "left" };

/** Close codes after which coming back would end the same way (PROTOCOL.md, "Close codes"); 1007 is a frame not UTF-8. */
const FATAL: ReadonlyMap<number, ErrorCode> = new Map([
  [CLOSE.binary, "protocol_error"],
  [1007, "protocol_error"],
  [CLOSE.tooLarge, "too_large"],
  [CLOSE.protocol, "protocol_error"],
  [CLOSE.forbidden, "forbidden"],
]);

/** What the others are to a client; those not listed are `lost`. */
const CODES: ReadonlyMap<number, { readonly reason: WaitReason; readonly atOnce: boolean }> = new Map([
  [CLOSE.restart, { reason: "restart", atOnce: true }],
  [CLOSE.overload, { reason: "overload", atOnce: false }],
  [CLOSE.unauthorized, { reason: "unauthorized", atOnce: true }],
]);

export interface Closed {
  readonly code: number;
  readonly reason: string;
  /** The `error` event's text, if there was one. */
  readonly error: string | undefined;
  readonly refusal: Refusal | undefined;
  /** Whether the upgrade had succeeded. */
  readonly opened: boolean;
  /** Whether another token can be asked for. */
  readonly renewable: boolean;
}

export function left(): End {
  return LEFT;
}

export function lost(reason: WaitReason, message: string, atOnce = false): End {
  return { type: "lost", reason, message, atOnce, retryAfterMs: 0 };
}

export function fatal(error: LastcallError): End {
  return { type: "fatal", error };
}

/** `token()` threw or rejected. */
export function tokenFailed(thrown: unknown): End {
  return lost("token", `token(): ${toError(thrown).message}`);
}

/** The `WebSocket` constructor threw: the URL is none for it, or the host forbids it. No later attempt can differ. */
export function notTaken(thrown: unknown): End {
  const cause = toError(thrown);
  return fatal(new LastcallError("invalid_request", `WebSocket: ${cause.message}`, { cause }));
}

/** @param epochMs the wall clock, ms since the Unix epoch. */
export function closed(how: Closed, epochMs: number): End {
  const { code, refusal } = how;
  if (!how.opened) return refusal === undefined ? unreachable(how) : refused(refusal, epochMs);
  const words = how.error ?? `close code ${code}${how.reason === "" ? "" : `, ${how.reason}`}`;
  const as = FATAL.get(code);
  if (as !== undefined) return fatal(new LastcallError(as, words, { detail: { code } }));
  if (code === CLOSE.unauthorized && !how.renewable) {
    return fatal(new LastcallError("unauthorized", `${words}; there is no token()`, { detail: { code } }));
  }
  const { reason, atOnce } = CODES.get(code) ?? { reason: "lost" as const, atOnce: false };
  return lost(reason, words, atOnce);
}

function unreachable({ code, error }: Closed): End {
  return lost("unreachable", error ?? `close code ${code}`);
}

/** 400 says that the server does not speak this subprotocol (design §3); anything else may pass. */
function refused({ status, retryAfter }: Refusal, epochMs: number): End {
  if (status === 400) {
    return fatal(new LastcallError("unsupported_subprotocol", "the server refused lastcall.v1 (HTTP 400)"));
  }
  const wish = retryAfter === undefined ? "" : `, Retry-After: ${retryAfter}`;
  return {
    type: "lost",
    reason: "refused",
    message: `HTTP ${status}${wish}`,
    atOnce: false,
    retryAfterMs: retryAfterMs(retryAfter, epochMs),
  };
}
