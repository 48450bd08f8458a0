import { type Client, connect } from "../client/connect.js";
import type { WebSocketConstructor } from "../client/websocket.js";
import { isId } from "../protocol/ids.js";
import { parsed } from "./marks.js";
import { Observer, type Watching } from "./observer.js";
import type { Given } from "./record.js";
import { TappedSocket } from "./tapped-socket.js";

/** `lastcall/client` as an application uses it, over WebSockets that are listened to. */
export class V1Observer extends Observer {
  readonly protocol = "lastcall.v1";
  readonly #given: Given[] = [];
  readonly #client: Client;
  readonly #over: Promise<void>;
  #failed: unknown;

  constructor(name: string, url: string, watching: Watching) {
    super(name, watching);
    const { clock, random } = watching;
    // What a gap means is judged on the frames; the application goes on.
    this.#client = connect(url, { WebSocket: this.#tapped(), clock, random, onGap: () => {} });
    this.#over = this.#read();
  }

  override get given(): readonly Given[] {
    return this.#given;
  }

  override get connected(): boolean {
    const { type } = this.#client.status.get();
    return type === "open" || type === "handing_over";
  }

  override get failed(): unknown {
    return this.#failed;
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#over;
  }

  async #read(): Promise<void> {
    try {
      for await (const { id, data } of this.#client) {
        this.#given.push({ at: this.watching.now(), id, mark: this.watching.mark(data) });
      }
    } catch (thrown) {
      this.#failed = thrown;
    }
  }

  #tapped(): WebSocketConstructor {
    const { notes, watching, readables } = this;
    const hear = (text: string, { connection }: TappedSocket) => this.#hear(text, connection);
    return class extends TappedSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols, notes, watching, hear);
        readables.set(this.connection, this);
        this.on("close", () => readables.delete(this.connection));
      }

      override send(data: string): void {
        const message = parsed(data);
        if (isObject(message) && message["type"] === "start") {
          const { after } = message;
          notes.note({
            type: "start",
            after: after === "now" ? undefined : String(after),
            connection: this.connection,
          });
        }
        super.send(data);
      }
    };
  }

  #hear(text: string, connection: number): void {
    const { notes, watching } = this;
    const message = parsed(text);
    if (!isObject(message)) return;
    const { type, id, cursor, after, reason, server, data } = message;
    switch (type) {
      case "hello":
        if (typeof server === "string") notes.name(connection, server);
        if (isCursor(cursor)) notes.note({ type, cursor, connection });
        break;
      case "item":
        notes.note({ type, id: isCursor(id) ? id : undefined, mark: watching.mark(data), connection });
        break;
      case "gap":
        if (isCursor(cursor)) notes.note({ type, after: String(after), cursor, reason: String(reason), connection });
        break;
      case "shutdown":
      case "close":
        notes.note({ type, connection });
        break;
    }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isCursor(value: unknown): value is `${number}-${string}` {
  return typeof value === "string" && isId(value);
}
