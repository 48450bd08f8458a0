import { once } from "node:events";
import type { TestContext } from "node:test";
import { type ClientOptions, WebSocket } from "ws";
import { deferred } from "../../src/base/deferred.js";

/** A plain WebSocket client that remembers what it was told. */
export class TextClient {
  readonly socket: WebSocket;
  readonly received: string[] = [];
  /** The close code, once the connection is over. */
  readonly closed: Promise<number>;
  #more = deferred();
  #over = false;

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, options);
    this.closed = once(this.socket, "close").then(([code]) => {
      this.#over = true;
      this.#more.resolve();
      return code;
    });
    // Who is refused hears of it from `connect`.
    this.closed.catch(() => {});
    this.socket.on("message", (data) => {
      this.received.push(data.toString());
      this.#more.resolve();
      this.#more = deferred();
    });
  }

  /** Connects, and leaves at the end of the test if it is still there. */
  static async connect(t: TestContext, url: string, options?: ClientOptions): Promise<TextClient> {
    const client = new TextClient(url, options);
    t.after(() => client.socket.terminate());
    await once(client.socket, "open");
    return client;
  }

  /** Everything received, as soon as there are at least `count` messages. */
  async atLeast(count: number): Promise<readonly string[]> {
    while (this.received.length < count) {
      if (this.#over) throw new Error(`closed after ${JSON.stringify(this.received)}; ${count} messages were expected`);
      await this.#more.promise;
    }
    return this.received;
  }
}
