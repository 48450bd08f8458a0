/**
 * WebSocket close codes (RFC 6455 section 7.4; 1012 and 1013 from the IANA registry; 4xxx are ours). The server never
 * *starts* a close with 1000, 1001 or 1005.
 */
export const CLOSE = {
  /** Client leaves of its own will. */
  normal: 1000,
  /** The server takes text frames only. */
  binary: 1003,
  /** A frame above the server's limit. */
  tooLarge: 1009,
  /** The server drains; come back. */
  restart: 1012,
  /** The server has too much to do; come back later. */
  overload: 1013,
  /** The peer broke the protocol. */
  protocol: 4400,
  /** Token missing or expired: fetch one and come back. */
  unauthorized: 4401,
  /** Stay away. */
  forbidden: 4403,
  /** No `start` in time. */
  noStart: 4408,
} as const;
