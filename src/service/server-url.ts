import { LastcallError, toError } from "../base/errors.js";
import { printable, withoutCredentials } from "../base/printable.js";

/** Where `lastcall client` goes when it is told nothing. */
export const DEFAULT_SERVER_URL = "ws://localhost:8080/ws";

const SCHEMES: ReadonlyMap<string, string> = new Map([
  ["http:", "ws:"],
  ["https:", "wss:"],
  ["ws:", "ws:"],
  ["wss:", "wss:"],
]);

/**
 * A server's address as a WebSocket URL: `http` and `https` become `ws` and `wss`; without a path it is `/ws`.
 * @throws LastcallError `invalid_request` that names what it got.
 */
export function parseServerUrl(text: string): URL {
  const url = parse(text);
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) throw fault(text, "it must start with http://, https://, ws:// or wss://");
  // RFC 6455 section 3: a WebSocket URL has no fragment.
  if (url.hash !== "") throw fault(text, "it must not have a fragment (#...)");
  url.protocol = scheme;
  if (url.pathname === "/") url.pathname = "/ws";
  return url;
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch (thrown) {
    throw fault(text, `it must be a URL such as ${DEFAULT_SERVER_URL}`, toError(thrown));
  }
}

function fault(text: string, why: string, cause?: Error): LastcallError {
  return new LastcallError("invalid_request", `server URL "${printable(withoutCredentials(text))}": ${why}`, { cause });
}
