import { LastcallError, toError } from "../base/errors.js";
import { type Id, isId } from "../protocol/ids.js";
import { openCore } from "./core.js";
import { itemsOf } from "./items.js";
import { type ConnectOptions, type Item, type ParseOption, settle } from "./options.js";
import type { PublishOptions } from "./outbox.js";
import type { Readable, Status } from "./status.js";

/** One reader of one stream, and its way to publish there. Iterate it once; ending the loop closes it. */
export interface Client<T = unknown> extends AsyncIterable<Item<T>> {
  readonly status: Readable<Status>;
  /** After what the application has taken: the `after` of a client that goes on from there. */
  readonly cursor: Id | undefined;
  /**
   * Appends an item to the stream, exactly once, and gives its id. Sent again, oldest first, until it is answered.
   * @throws LastcallError what the server refused it with (`key_reused`, `reserved`, ...); `too_large`; `invalid_request`
   *   for what JSON cannot say; `cancelled` when the client or `signal` ended it before it was sent, and
   *   `unknown_outcome` when they did after that, or no answer came as long as the server knows the key.
   */
  publish(data: unknown, options?: PublishOptions): Promise<Id>;
  /**
   * Leaves: the iteration ends, what is being published is settled, the server is told goodbye (1000). Settles when nothing
   * is open any more, 2 s later at most. More calls change nothing.
   */
  close(): Promise<void>;
}

/**
 * Connects to a stream of a lastcall server and stays connected, without losing, repeating or reordering an item.
 *
 * @param url `ws://` or `wss://`, with the path (`/ws` unless the server was told otherwise).
 * @throws LastcallError `invalid_request` when an option is not of its form, or the host has no WebSocket
 */
export function connect<T>(url: string, options: ConnectOptions & ParseOption<T>): Client<T>;
export function connect(url: string, options?: ConnectOptions): Client;
export function connect(url: string, options: ConnectOptions & Partial<ParseOption<unknown>> = {}): Client {
  const settings = settle(url, options);
  const { store, signal, host, onGap } = settings;
  const core = openCore(settings);
  let cursor: Id | undefined;
  let iterated = false;

  const close = () => void core.close();
  const deafen = host.subscribe(core.news);
  core.status.subscribe(({ type }) => {
    if (type !== "closed") return;
    deafen();
    signal?.removeEventListener("abort", close);
  });
  signal?.addEventListener("abort", close);
  if (signal?.aborted) close();
  else if (store === undefined) core.begin(undefined);
  else void load(store);

  async function load(from: NonNullable<typeof store>): Promise<void> {
    try {
      const loaded = (await from.load()) ?? undefined;
      if (loaded !== undefined && !isId(loaded)) {
        throw new LastcallError("invalid_request", `store.load: expected an item's id, got ${String(loaded)}`);
      }
      core.begin(loaded);
    } catch (thrown) {
      await core.close(toError(thrown));
    }
  }

  return {
    status: { get: core.status.get, subscribe: core.status.subscribe },
    get cursor() {
      return cursor;
    },
    publish: (data, how) => core.outbox.publish(data, how),
    close: () => core.close(),
    [Symbol.asyncIterator]() {
      if (iterated)
        throw new LastcallError("invalid_request", "a client is iterated once: give its items to whom you like");
      iterated = true;
      const items = itemsOf({
        inbox: core.inbox,
        parse: options.parse ?? ((data) => data),
        onGap,
        store,
        onTaken(taken) {
          cursor = taken;
        },
        onError: (error) => void core.close(error),
      });
      return {
        next: () => items.next(),
        // A loop that is left waits for no goodbye; `close()` does.
        return() {
          close();
          return items.return();
        },
      };
    },
  };
}
