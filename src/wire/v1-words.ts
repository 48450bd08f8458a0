import { LastcallError, toError } from "../base/errors.js";
import type { Entry } from "../journal/port.js";
import { CLOSE } from "../protocol/close-codes.js";
import type { Id } from "../protocol/ids.js";
import {
  type ErrorMessage,
  itemText,
  type ServerMessage,
  type ShutdownMessage,
  SUBPROTOCOL,
} from "../protocol/messages.js";
import type { Encoding } from "../stream/ports.js";
import { closeFrame, textFrame } from "./frames.js";

/** Longest reason in a close frame, bytes (RFC 6455 section 5.5: 125 less the code). */
const REASON_BYTES = 123;

export const v1Encoding: Encoding = {
  name: SUBPROTOCOL,
  encode: (entry: Entry) => textFrame(itemText(entry)),
};

/** What a connection says itself; items come from its session. */
export type Said = Exclude<ServerMessage, { readonly type: "item" | "alive" }>;

export const ALIVE = textFrame('{"type":"alive"}');
const PONG = textFrame('{"type":"pong"}');

export function messageFrame(message: Said): Uint8Array {
  return message.type === "pong" ? PONG : textFrame(JSON.stringify(message));
}

/** When the process goes away, by its clock. */
export interface Leaving {
  readonly slotAt: number;
  readonly closesAt: number;
}

export function shutdownMessage({ slotAt, closesAt }: Leaving, now: number): ShutdownMessage {
  const inMs = (at: number) => Math.max(0, Math.round(at - now));
  return { type: "shutdown", reconnectInMs: inMs(slotAt), closesInMs: inMs(closesAt) };
}

/** The last words of a drain; who has not started has no cursor. */
export function farewellFrames(cursor: Id | undefined): Uint8Array {
  if (cursor === undefined) return CLOSE_FRAME;
  return Buffer.concat([messageFrame({ type: "close", cursor }), CLOSE_FRAME]);
}

export function asLastcallError(thrown: unknown): LastcallError {
  if (thrown instanceof LastcallError) return thrown;
  return new LastcallError("internal", "something went wrong on the server", { cause: toError(thrown) });
}

export function errorMessage(key: string, { code, message, retryable }: LastcallError): ErrorMessage {
  return { type: "error", key, code, message, retryable };
}

/** An error as the reason of a close frame. */
export function reasonOf({ code, message }: LastcallError): string {
  const bytes = Buffer.from(`${code}: ${message}`).subarray(0, REASON_BYTES);
  // A character cut in half would make the frame invalid.
  return new TextDecoder().decode(bytes).replace(/\uFFFD+$/, "");
}

const CLOSE_FRAME = closeFrame(CLOSE.restart);
