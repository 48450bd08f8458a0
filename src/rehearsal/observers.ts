import { LastcallError } from "../base/errors.js";
import { loadAdapter } from "./adapter.js";
import { PlainObserver } from "./observe-plain.js";
import { SseObserver } from "./observe-sse.js";
import { V1Observer } from "./observe-v1.js";
import type { Observer, Watching } from "./observer.js";
import type { RehearsalOptions } from "./options.js";
import type { Protocol } from "./record.js";
import { ownUrl } from "./urls.js";

type Make = (name: string, service: URL, watching: Watching) => Observer;

/**
 * Makes the observers of a rehearsal, one for each client; client `i` speaks the protocol whose turn it is.
 * @throws LastcallError `invalid_request` when an adapter is needed and cannot be had
 */
export function observersOf({ clients, protocols, adapter: path }: RehearsalOptions) {
  const kinds = makers(protocols, path);
  return (service: URL, watching: Watching): readonly (() => Observer)[] =>
    Array.from({ length: clients }, (_, i) => {
      const make = kinds[i % kinds.length];
      if (make === undefined) throw new LastcallError("invalid_request", "protocols: expected one at least");
      return () => make(`client ${i + 1}`, service, watching);
    });
}

function makers(protocols: readonly Protocol[], path: string | undefined): readonly Make[] {
  const adapter = path === undefined ? undefined : loadAdapter(path);
  const all: Readonly<Record<Exclude<Protocol, "adapter">, Make>> = {
    "lastcall.v1": (name, service, watching) => new V1Observer(name, ownUrl(service, "/ws", "ws").href, watching),
    sse: (name, service, watching) => new SseObserver(name, ownUrl(service, "/events", "http"), watching),
    text: (name, service, watching) => new PlainObserver(name, ownUrl(service, "/ws", "ws").href, watching),
  };
  return protocols.map((protocol) => {
    if (protocol !== "adapter") return all[protocol];
    if (adapter === undefined)
      throw new LastcallError("invalid_request", "the protocol adapter needs a module: none was given");
    return (name, service, watching) =>
      new PlainObserver(name, ownUrl(service, adapter.path ?? "/ws", "ws").href, watching, adapter);
  });
}
