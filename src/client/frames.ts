import { LastcallError } from "../base/errors.js";
import { isId } from "../protocol/ids.js";
import type { ServerMessage } from "../protocol/messages.js";

type Check = (value: unknown) => boolean;

/** What each field of each message has to be. */
type Shapes = {
  readonly [M in ServerMessage as M["type"]]: { readonly [F in Exclude<keyof M, "type">]: Check };
};

const text: Check = (value) => typeof value === "string";
const id: Check = (value) => typeof value === "string" && isId(value);
const ms: Check = (value) => typeof value === "number" && value >= 0;
const size: Check = (value) => typeof value === "number" && value > 0;

const SHAPES: Shapes = {
  hello: {
    server: text,
    version: text,
    stream: text,
    cursor: id,
    head: id,
    heartbeatMs: size,
    maxBytes: size,
    keyTtlMs: size,
  },
  item: { id, at: ms, data: (value) => value !== undefined },
  gap: { after: id, cursor: id, reason: (value) => value === "trimmed" || value === "replaced" },
  shutdown: { reconnectInMs: ms, closesInMs: ms },
  close: { cursor: id },
  ack: { key: text, id },
  error: { key: text, code: text, message: text, retryable: (value) => typeof value === "boolean" },
  alive: {},
  pong: {},
};

const CHECKS = new Map(Object.entries(SHAPES).map(([type, shape]) => [type, Object.entries<Check>(shape)]));

/**
 * Reads a server's frame; undefined when it is of a type that is not known here, which is to be ignored.
 * @throws LastcallError `protocol_error` when it is none at all
 */
export function readFrame(frame: unknown): ServerMessage | undefined {
  if (typeof frame !== "string") throw broken("a frame that is not text");
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch (cause) {
    throw broken("a frame that is not JSON", cause);
  }
  if (!hasType(message)) throw broken("a frame without a type");
  const checks = CHECKS.get(message.type);
  if (checks === undefined) return undefined;
  if (isWhole(message, checks)) return message;
  throw broken(`a frame of type ${message.type} that is not whole`);
}

function hasType(value: unknown): value is { readonly type: string } {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function isWhole(
  message: { readonly type: string },
  checks: readonly (readonly [name: string, check: Check])[],
): message is ServerMessage {
  return checks.every(([name, check]) => check(Reflect.get(message, name)));
}

function broken(what: string, cause?: unknown): LastcallError {
  return new LastcallError("protocol_error", `the server sent ${what}`, cause === undefined ? {} : { cause });
}
