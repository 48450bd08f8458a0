import { connectText, type TextClient } from "../client/text.js";
import type { WebSocketConstructor } from "../client/websocket.js";
import { CLOSE_WORD, SHUTDOWN } from "../protocol/text.js";
import type { Adapter, ClientState } from "./adapter.js";
import { parsed } from "./marks.js";
import { Observer, type Watching } from "./observer.js";
import { TappedSocket } from "./tapped-socket.js";
import { Watchdog } from "./watchdog.js";

/**
 * A client of the text protocol, or of a foreign one, on plain WebSockets: it has no cursor, so what comes while it is
 * away is missed. It comes back with full-jitter backoff (at first within 2 s), as `lastcall client` does.
 */
export class PlainObserver extends Observer {
  readonly protocol: "text" | "adapter";
  readonly #adapter: Adapter | undefined;
  /** The adapter's own, for as long as the client lives. */
  readonly #state: ClientState = {};
  readonly #client: TextClient;

  constructor(name: string, url: string, watching: Watching, adapter?: Adapter) {
    super(name, watching);
    this.protocol = adapter === undefined ? "text" : "adapter";
    this.#adapter = adapter;
    const { clock, random } = watching;
    this.#client = connectText({ url, WebSocket: this.#tapped(), clock, random, onEvent: () => {} });
  }

  async close(): Promise<void> {
    this.#client.stop();
    await this.#client.ended;
  }

  #tapped(): WebSocketConstructor {
    const { notes, watching, readables } = this;
    const adapter = this.#adapter;
    const state = this.#state;
    const hear = (text: string, socket: TappedSocket) => this.#hear(text, socket);
    return class extends TappedSocket {
      constructor(url: string) {
        super(url, adapter?.subprotocol, notes, watching, hear);
        readables.set(this.connection, this);
        const watchdog = new Watchdog(watching.clock, watching.silenceMs, () => this.terminate());
        for (const event of ["upgrade", "message", "ping"]) this.on(event, () => watchdog.heard());
        this.on("open", () => adapter?.open?.((text) => this.send(text), state));
        this.on("close", () => {
          watchdog.stop();
          readables.delete(this.connection);
        });
      }
    };
  }

  #hear(text: string, socket: TappedSocket): void {
    const { notes, watching } = this;
    const { connection } = socket;
    if (this.#adapter !== undefined) {
      const read = this.#adapter.read(text, (answer) => socket.send(answer), this.#state);
      if (read === undefined) return;
      notes.note({ type: "item", id: undefined, mark: { publisher: read.key, n: read.n }, connection });
    } else if (text === SHUTDOWN) notes.note({ type: "shutdown", connection });
    else if (text === CLOSE_WORD) notes.note({ type: "close", connection });
    else notes.note({ type: "item", id: undefined, mark: watching.mark(parsed(text)), connection });
  }
}
