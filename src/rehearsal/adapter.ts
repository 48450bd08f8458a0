import { createRequire } from "node:module";
import { resolve } from "node:path";
import { LastcallError, toError } from "../base/errors.js";

/** Whatever an adapter wants to remember of one client, from connection to connection; empty at first. */
export type ClientState = Record<string, unknown>;

/**
 * Speaks the protocol of a service that is not lastcall, on WebSockets: the exports of the module that `--adapter` names.
 * The rehearsal's own items have the data `{"rehearsal", "publisher", "n", …}`: `read` gives `publisher` as the key.
 */
export interface Adapter {
  /** Where the WebSockets are, when the URL says nothing. Default `/ws`. */
  readonly path?: string;
  /** Default none. */
  readonly subprotocol?: string;
  /** Called when a connection stands: what has to be said first. */
  open?(send: (text: string) => void, client: ClientState): void;
  /** Called with each frame: whose item it is and which, counted densely; nothing for what is no item. */
  read(
    frame: string,
    send: (text: string) => void,
    client: ClientState,
  ): { readonly key: string; readonly n: number } | undefined;
}

/**
 * Loads an adapter: a module of either kind, without top-level await.
 * @throws LastcallError `invalid_request` when it cannot be loaded, or has no `read`
 */
export function loadAdapter(path: string): Adapter {
  const file = resolve(path);
  let module: unknown;
  try {
    // Not `import()`: the program is one script, which has no loader of its own.
    module = createRequire(file)(file);
  } catch (thrown) {
    throw new LastcallError("invalid_request", `the adapter ${path}: ${toError(thrown).message}`, { cause: thrown });
  }
  const adapter: unknown = isObject(module) && isObject(module["default"]) ? module["default"] : module;
  if (isAdapter(adapter)) return adapter;
  throw new LastcallError("invalid_request", `the adapter ${path}: expected an export \`read(frame, send, client)\``);
}

function isAdapter(value: unknown): value is Adapter {
  return isObject(value) && typeof value["read"] === "function";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
