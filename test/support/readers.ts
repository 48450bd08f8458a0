import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { BackoffOptions } from "../../src/client/backoff.js";
import { type Client, connect, type Gap } from "../../src/client.js";
import type { Id, Position } from "../../src/protocol/ids.js";
import type { Entry, Sighting } from "./ledger.js";
import { idOf, Tap } from "./tap.js";
import { Watch } from "./watch.js";

/** For everybody to get somewhere; only a client that never gets there takes it, ms. */
const PATIENCE_MS = 30_000;
/** Before a client that has no rule for it connects again, ms. */
const AGAIN_MS = 50;

/** Somebody who is given items, over as many connections as it takes. */
export abstract class Reader {
  abstract readonly kind: "lastcall.v1" | "sse" | "text";
  protected readonly watch = new Watch();
  /** Everything its connections saw. */
  readonly tap = new Tap(() => this.watch.changed());
  /** When each item was given out, ms by `performance.now`. */
  readonly moments: number[] = [];
  #last = "";
  #highest = 0;

  /** Settles when it was given an item of this number or a higher one. */
  async reached(number: number): Promise<void> {
    await this.watch.until(() => this.#highest >= number || undefined);
  }

  /** Settles when the last item it was given is this one. */
  async stands(data: string): Promise<void> {
    await this.watch.until(() => this.#last === data || undefined);
  }

  /** Settles when its connections have seen something of this type. */
  async saw(type: Sighting["type"]): Promise<void> {
    await this.watch.until(() => this.tap.sightings.some((seen) => seen.type === type) || undefined);
  }

  /** How it is, for people. */
  toString(): string {
    return `${this.kind}: last ${this.#last}; ${JSON.stringify(this.tap.sightings.at(-1))}`;
  }

  abstract close(): Promise<void>;

  protected given(data: string): void {
    this.#last = data;
    this.#highest = Math.max(this.#highest, JSON.parse(data).number);
    this.moments.push(performance.now());
    this.watch.changed();
  }
}

interface LibraryOptions {
  readonly gaps?: boolean;
  readonly backoff?: BackoffOptions;
}

/** The client library, and what it gives out. */
export class LibraryReader extends Reader {
  readonly kind = "lastcall.v1";
  readonly client: Client;
  readonly items: Entry[] = [];
  readonly gaps: Gap[] = [];
  readonly #over: Promise<void>;

  /** With `gaps`, it goes on after a gap, and keeps it; without, the iteration throws there. */
  constructor(url: string, after: Position, { gaps = false, backoff = {} }: LibraryOptions = {}) {
    super();
    const onGap = (gap: Gap) => {
      this.gaps.push(gap);
      this.watch.changed();
    };
    this.client = connect(url, { after, WebSocket: this.tap.WebSocket, backoff, ...(gaps && { onGap }) });
    this.#over = this.#read();
  }

  /** The first gap, as soon as it is told. */
  gap(): Promise<Gap> {
    return this.watch.until(() => this.gaps[0]);
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.#over;
  }

  override toString(): string {
    return `${super.toString()}; ${JSON.stringify(this.client.status.get())}`;
  }

  async #read(): Promise<void> {
    try {
      for await (const { id, data } of this.client) {
        const text = JSON.stringify(data);
        this.items.push({ id, data: text });
        this.given(text);
      }
      this.watch.end(() => "the client was closed");
    } catch (thrown) {
      this.watch.end(() => `the iteration threw: ${thrown}`);
    }
  }
}

/** An EventSource, as far as is needed. */
export class EventReader extends Reader {
  readonly kind = "sse";
  readonly #url: URL;
  #cursor: Id | undefined;
  #sockets = 0;
  #request: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: URL) {
    super();
    this.#url = new URL("/events", url);
    this.#connect();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }

  #connect(): void {
    const socket = this.#sockets;
    this.#sockets += 1;
    this.tap.note({ type: "start", after: this.#cursor ?? "now", socket });
    const headers = this.#cursor === undefined ? {} : { "last-event-id": this.#cursor };
    const request = get(this.#url, { headers, agent: false }, (answer) => this.#read(answer, socket));
    this.#request = request;
    request.on("error", () => {});
    request.once("close", () => {
      this.tap.note({ type: "end", code: undefined, socket });
      if (!this.#closed) this.#timer = setTimeout(() => this.#connect(), AGAIN_MS);
    });
  }

  #read(answer: IncomingMessage, socket: number): void {
    let fields = new Map<string, string>();
    let begun = false;
    // It tells the answer's errors; the request's end is what counts.
    const lines = createInterface(answer).on("error", () => {});
    lines.on("line", (line) => {
      if (line !== "") {
        const colon = line.indexOf(": ");
        fields.set(line.slice(0, colon), line.slice(colon + 2));
        return;
      }
      const [id, event, data] = ["id", "event", "data"].map((name) => fields.get(name));
      fields = new Map();
      if (id !== undefined) this.#cursor = idOf(id);
      if (id !== undefined && data !== undefined) {
        this.tap.note({ type: "item", id: idOf(id), data, socket });
        this.given(data);
      } else if (id !== undefined && !begun) {
        begun = true;
        this.tap.note({ type: "hello", cursor: idOf(id), socket });
      } else if (event === "gap") {
        const { cursor, reason } = JSON.parse(data ?? "");
        this.tap.note({ type: "gap", cursor: idOf(cursor), reason, socket });
      } else if (event === "shutdown" || event === "close") {
        this.tap.note({ type: event, socket });
      }
    });
  }
}

/** A text client that comes back. */
export class TextReader extends Reader {
  readonly kind = "text";
  readonly #url: string;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #leave: () => void = () => {};

  constructor(url: string) {
    super();
    this.#url = url;
    this.#connect();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#leave();
  }

  #connect(): void {
    const socket = new this.tap.WebSocket(this.#url);
    this.#leave = () => socket.close(1000);
    socket.addEventListener("error", () => {});
    socket.addEventListener("message", () => {
      const seen = this.tap.sightings.at(-1);
      if (seen?.type === "item") this.given(seen.data);
    });
    socket.addEventListener("close", () => {
      if (!this.#closed) this.#timer = setTimeout(() => this.#connect(), AGAIN_MS);
    });
  }
}

/** Waits for all; fails with a word about those who do not get there. */
export async function everybody<R extends Reader>(
  readers: readonly R[],
  there: (reader: R) => Promise<unknown>,
): Promise<void> {
  const missing = new Set(readers);
  const arrived = readers.map((reader) => there(reader).then(() => missing.delete(reader)));
  const abort = new AbortController();
  const patience = sleep(PATIENCE_MS, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`${missing.size} clients are not there, one of them: ${[...missing][0]}`);
  });
  try {
    await Promise.race([Promise.all(arrived), patience]);
  } finally {
    abort.abort();
    await patience.catch(() => {});
  }
}
