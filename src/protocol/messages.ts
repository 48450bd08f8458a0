import type { ErrorCode } from "../base/errors.js";
import { LastcallError } from "../base/errors.js";
import { type GapReason, type Id, isStreamName, type Position, parsePosition } from "./ids.js";
import { memberText } from "./json-member.js";

/** The WebSocket subprotocol (RFC 6455 section 1.9) of the messages below; PROTOCOL.md says what they mean. */
export const SUBPROTOCOL = "lastcall.v1";

/** Longest idempotency key, UTF-16 code units. */
export const MAX_KEY_LENGTH = 200;
/** Within this time after the upgrade a client has to send `start`, ms. */
export const START_TIMEOUT_MS = 5_000;

export interface StartMessage {
  readonly type: "start";
  readonly stream?: string | undefined;
  /** Absent: from now on, or, in a later `start`, where the server stands. */
  readonly after?: Position | undefined;
  readonly token?: string | undefined;
}

export interface PublishMessage {
  readonly type: "publish";
  readonly key: string;
  /** JSON text, byte for byte as it stands in the frame. */
  readonly data: string;
}

/** What a client may say. */
export type ClientMessage = StartMessage | PublishMessage | { readonly type: "stop" } | { readonly type: "ping" };

export interface HelloMessage {
  readonly type: "hello";
  readonly server: string;
  readonly version: string;
  readonly stream: string;
  readonly cursor: Id;
  readonly head: Id;
  readonly heartbeatMs: number;
  readonly maxBytes: number;
  readonly keyTtlMs: number;
}

export interface ItemMessage {
  readonly type: "item";
  readonly id: Id;
  /** When it was appended, ms since the Unix epoch. */
  readonly at: number;
  readonly data: unknown;
}

export interface GapMessage {
  readonly type: "gap";
  readonly after: Id;
  readonly cursor: Id;
  readonly reason: GapReason;
}

export interface ShutdownMessage {
  readonly type: "shutdown";
  readonly reconnectInMs: number;
  readonly closesInMs: number;
}

export interface CloseMessage {
  readonly type: "close";
  readonly cursor: Id;
}

export interface AckMessage {
  readonly type: "ack";
  readonly key: string;
  readonly id: Id;
}

export interface ErrorMessage {
  readonly type: "error";
  readonly key: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** What a server may say. */
export type ServerMessage =
  | HelloMessage
  | ItemMessage
  | GapMessage
  | ShutdownMessage
  | CloseMessage
  | AckMessage
  | ErrorMessage
  | { readonly type: "alive" }
  | { readonly type: "pong" };

/**
 * Reads a client's frame.
 * @throws LastcallError `invalid_request` when it is none of the messages above (close code 4400)
 */
export function parseClientMessage(text: string): ClientMessage {
  const message = parseObject(text);
  switch (message["type"]) {
    case "start":
      return {
        type: "start",
        stream: optional(message, "stream", checkStream),
        after: optional(message, "after", parsePosition),
        token: optional(message, "token", (token) => token),
      };
    case "publish":
      return { type: "publish", key: checkKey(message["key"]), data: memberText(text, "data") ?? broken("data") };
    case "stop":
    case "ping":
      return { type: message["type"] };
    default:
      throw new LastcallError("invalid_request", "type: expected start, publish, stop or ping");
  }
}

/** An `item` frame's text; `data` is JSON already. */
export function itemText({ id, at, data }: { readonly id: Id; readonly at: number; readonly data: string }): string {
  return `{"type":"item","id":"${id}","at":${at},"data":${data}}`;
}

/** 1 to `MAX_KEY_LENGTH` characters. */
export function isKey(key: unknown): key is string {
  // Half a surrogate pair is no character: it has no UTF-8, and two such keys would be one to a journal.
  return typeof key === "string" && key !== "" && key.length <= MAX_KEY_LENGTH && !/\p{Surrogate}/u.test(key);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new LastcallError("invalid_request", "the frame is not JSON", { cause: thrown });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new LastcallError("invalid_request", "the frame is not a JSON object");
  }
  return { ...value };
}

function optional<T>(
  message: Readonly<Record<string, unknown>>,
  name: string,
  check: (text: string) => T,
): T | undefined {
  const value = message[name];
  if (value === undefined) return undefined;
  return typeof value === "string" ? check(value) : broken(name);
}

function checkStream(stream: string): string {
  return isStreamName(stream) ? stream : broken("stream");
}

function checkKey(key: unknown): string {
  return isKey(key) ? key : broken("key");
}

function broken(name: string): never {
  const forms: Readonly<Record<string, string>> = {
    stream: "expected 1 to 64 letters, digits, '.', '_' or '-'",
    after: "expected an item's id, `oldest` or `now`",
    token: "expected a string",
    key: `expected a string of 1 to ${MAX_KEY_LENGTH} characters`,
    data: "expected JSON",
  };
  throw new LastcallError("invalid_request", `${name}: ${forms[name]}`);
}
