import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Cancel } from "../base/clock.js";
import { isId } from "../protocol/ids.js";
import { EventParser, type ServerEvent } from "./event-parser.js";
import { codeOf } from "./http.js";
import { parsed } from "./marks.js";
import type { Seen } from "./notes.js";
import { Observer, type Watching } from "./observer.js";
import { Watchdog } from "./watchdog.js";

/** Before an EventSource comes back when nobody told it how long to wait, ms: Chromium's. */
const RETRY_MS = 3_000;
/** A server that takes nobody answers 200 and ends; an answer that lasts longer than this is a connection, ms. */
const REFUSAL_MS = 100;

/** One request and what comes of it. `over`: it has ended, or was left. */
type State = "dialled" | "answered" | "open" | "over";

/** An EventSource, as far as is needed, that writes down what comes on the wire (HTML, section 9.2). */
export class SseObserver extends Observer {
  readonly protocol = "sse";
  readonly #url: URL;
  #lastEventId = "";
  #retryMs = RETRY_MS;
  #state: State = "over";
  #connection = 0;
  #told = false;
  #end: () => void = () => {};
  #cancelOpen: Cancel = () => {};
  #cancelRetry: Cancel = () => {};
  #closed = false;

  constructor(name: string, url: URL, watching: Watching) {
    super(name, watching);
    this.#url = url;
    this.#dial();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    this.#over({ type: "leave", connection: this.#connection });
    this.#end();
  }

  /** One at a time: the next is dialled when the one before is closed. */
  #dial(): void {
    const { clock, silenceMs } = this.watching;
    const connection = this.notes.connection();
    this.#connection = connection;
    this.#state = "dialled";
    this.#told = false;
    this.notes.note({ type: "dial", connection });
    const headers = { accept: "text/event-stream", ...(this.#lastEventId && { "last-event-id": this.#lastEventId }) };
    const asked = (this.#url.protocol === "https:" ? httpsRequest : httpRequest)(this.#url, { headers, agent: false });
    const watchdog = new Watchdog(clock, silenceMs, () => {
      this.#over({ type: "leave", connection });
      asked.destroy();
    });
    let error: string | undefined;
    const failed = (thrown: unknown) => {
      error = codeOf(thrown);
    };
    this.#end = () => asked.destroy();
    asked.on("error", failed);
    asked.on("response", (answer) => {
      answer.on("error", failed);
      answer.on("data", () => watchdog.heard());
      this.#answered(answer);
    });
    asked.on("close", () => {
      watchdog.stop();
      this.readables.delete(connection);
      if (this.#state === "open") this.#over({ type: "end", connection, code: undefined, error });
      else if (this.#state === "answered") this.#over({ type: "refused", connection, status: 200 });
      else this.#over({ type: "refused", connection, error: error ?? "ended" });
      if (!this.#closed) this.#cancelRetry = clock.after(this.#retryMs, () => this.#dial());
    });
    asked.end();
  }

  #answered(answer: IncomingMessage): void {
    const connection = this.#connection;
    const status = answer.statusCode ?? 0;
    if (this.#state !== "dialled") return;
    if (status !== 200) {
      this.#over({ type: "refused", connection, status });
      this.#end();
      return;
    }
    this.#state = "answered";
    const { localPort } = answer.socket;
    this.readables.set(connection, { pause: () => answer.pause(), resume: () => answer.resume(), localPort });
    this.#cancelOpen = this.watching.clock.after(REFUSAL_MS, () => this.#opened(localPort));
    const parser = new EventParser((event) => {
      if (event.retry !== undefined && /^\d+$/.test(event.retry)) this.#retryMs = Number(event.retry);
      if (Object.keys(event).some((name) => name !== "retry")) this.#opened(localPort);
      if (this.#state === "open") this.#heard(event);
    });
    answer.setEncoding("utf8").on("data", (text: string) => parser.push(text));
  }

  #opened(localPort: number | undefined): void {
    if (this.#state !== "answered") return;
    this.#cancelOpen();
    this.#state = "open";
    const connection = this.#connection;
    const replica = localPort === undefined ? undefined : this.watching.replicaOf(localPort);
    this.notes.note({ type: "open", connection, replica });
    this.notes.note({ type: "start", after: this.#lastEventId || undefined, connection });
  }

  #heard({ id, event, data }: ServerEvent): void {
    const { notes, watching } = this;
    const connection = this.#connection;
    const known = id !== undefined && isId(id) ? id : undefined;
    const before = this.#lastEventId;
    if (id !== undefined) this.#lastEventId = id;
    const told: unknown = data === undefined || event === undefined ? undefined : parsed(data);
    if (event === "shutdown" || event === "close") notes.note({ type: event, connection });
    else if (event === "gap") {
      const { after, cursor, reason }: Readonly<Record<string, unknown>> = Object(told);
      if (typeof cursor !== "string" || !isId(cursor)) return;
      notes.note({ type: "gap", after: String(after ?? before), cursor, reason: String(reason), connection });
    } else if (data !== undefined) {
      this.#told = true;
      notes.note({ type: "item", id: known, mark: watching.mark(parsed(data)), connection });
    } else if (known !== undefined && !this.#told) {
      this.#told = true;
      notes.note({ type: "hello", cursor: known, connection });
    }
  }

  #over(seen: Seen): void {
    this.#cancelOpen();
    if (this.#state !== "over") this.notes.note(seen);
    this.#state = "over";
  }
}
