import { once } from "node:events";
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { TestContext } from "node:test";
import { EventParser, type ServerEvent } from "./event-parser.js";
import { Watch } from "./watch.js";

export interface EventsOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

/** A reader of `GET /events`, without an EventSource: it sees the answer, and never comes back by itself. */
export class EventsClient {
  readonly response: IncomingMessage;
  /** Its own, by which the connection is known. */
  readonly port: number;
  readonly parser = new EventParser();
  /** The whole body so far. */
  body = "";
  /** Settles when there is no more to come: whether the response was whole (its last chunk came), or cut off. */
  readonly ended: Promise<"whole" | "cut">;
  readonly #request: ClientRequest;
  readonly #watch = new Watch();

  private constructor(asked: ClientRequest, response: IncomingMessage) {
    this.#request = asked;
    this.response = response;
    this.port = response.socket.localPort ?? 0;
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      this.body += text;
      this.parser.feed(text);
      this.#watch.changed();
    });
    // What is cut off is told by `close`.
    response.on("error", () => {});
    asked.on("error", () => {});
    this.ended = new Promise((resolve) => {
      response.once("close", () => {
        this.#watch.end(() => `ended after ${JSON.stringify(this.body.slice(-500))}`);
        resolve(response.complete ? "whole" : "cut");
      });
    });
  }

  static async open(t: TestContext, url: string | URL, options: EventsOptions = {}): Promise<EventsClient> {
    const agent = options.agent ?? new Agent();
    const asked = request(url, { agent, headers: { accept: "text/event-stream", ...options.headers } });
    t.after(() => {
      asked.destroy();
      agent.destroy();
    });
    asked.end();
    const [response] = await once(asked, "response");
    return new EventsClient(asked, response);
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  get events(): readonly ServerEvent[] {
    return this.parser.events;
  }

  /** The items' ids. */
  get ids(): readonly string[] {
    return this.items.map(({ lastEventId }) => lastEventId);
  }

  get items(): readonly ServerEvent[] {
    return this.ofType("message");
  }

  ofType(type: string): readonly ServerEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** What `look` finds, as soon as it finds something. */
  until<T>(look: (parser: EventParser) => T | undefined): Promise<T> {
    return this.#watch.until(() => look(this.parser));
  }

  /** The `count`-th event of a type. */
  event(type: string, count = 1): Promise<ServerEvent> {
    return this.until(() => this.ofType(type)[count - 1]);
  }

  /** The `count`-th item. */
  item(count = 1): Promise<ServerEvent> {
    return this.event("message", count);
  }

  /** Takes nothing more from the connection. */
  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  /** Drops the connection. */
  destroy(): void {
    this.#request.destroy();
  }
}
