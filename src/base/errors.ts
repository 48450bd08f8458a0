/**
 * Every way lastcall refuses or fails, by a stable code. The codes are part of the contract: they appear in HTTP error
 * bodies, in `error` frames and in logs, and are never renamed.
 */
export const ERROR_CODES = {
  /** The request's parameters, body or headers are not of the documented form. */
  invalid_request: { status: 400, retryable: false },
  /** The WebSocket offer names only subprotocols this server does not speak. */
  unsupported_subprotocol: { status: 400, retryable: false },
  /** The caller gave it up before it began: nothing happened. */
  cancelled: { status: 400, retryable: false },
  /** The token is missing or has expired. */
  unauthorized: { status: 401, retryable: false },
  /** The server forbids it: stay away. */
  forbidden: { status: 403, retryable: false },
  /** No such route. */
  not_found: { status: 404, retryable: false },
  /** The route exists, for other methods. */
  method_not_allowed: { status: 405, retryable: false },
  /** The key was used before with other data. */
  key_reused: { status: 409, retryable: false },
  /** The cursor is not in the journal: trimmed, or the journal was replaced. */
  gap: { status: 410, retryable: false },
  /** Larger than the limit. */
  too_large: { status: 413, retryable: false },
  /** A body of a type this route does not take. */
  unsupported_media_type: { status: 415, retryable: false },
  /** The data is a word the text protocol uses itself. */
  reserved: { status: 422, retryable: false },
  /** This route only answers WebSocket upgrades. */
  upgrade_required: { status: 426, retryable: false },
  /** No more streams may be made. */
  too_many_streams: { status: 429, retryable: false },
  /** Something went wrong that is ours. */
  internal: { status: 500, retryable: true },
  /** The peer does not keep to the protocol. */
  protocol_error: { status: 502, retryable: false },
  /** The process is not ready yet. */
  starting: { status: 503, retryable: true },
  /** The process drains; come back (to another one). */
  shutting_down: { status: 503, retryable: true },
  /** The process is full; come back. */
  overloaded: { status: 503, retryable: true },
  /** The journal cannot be reached. */
  journal_unavailable: { status: 503, retryable: true },
  /** It was sent, and nobody can say any more whether it was done. */
  unknown_outcome: { status: 504, retryable: false },
  /** A setting is not of the documented form, or the settings do not fit together. */
  invalid_settings: { status: 500, retryable: false },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The one error class. `detail` is sent to the caller beside `code` and `message`. */
export class LastcallError extends Error {
  readonly code: ErrorCode;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { detail?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "LastcallError";
    this.code = code;
    this.detail = options.detail ?? {};
  }

  /** The HTTP status that goes with the code (RFC 9110 section 15). */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** Whatever was thrown, as an `Error`. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
