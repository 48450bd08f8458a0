import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { Watch } from "./watch.js";

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface Request {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One TCP connection that speaks HTTP/1.1 as slowly, and as rarely, as the test wants. */
export class RawConnection {
  readonly socket: Socket;
  /** The peer, or the network, has ended it. */
  readonly closed: Promise<void>;
  readonly #watch = new Watch();
  #received: Buffer = Buffer.alloc(0);

  static async open(t: TestContext, url: URL): Promise<RawConnection> {
    const socket = connect(Number(url.port), url.hostname);
    t.after(() => socket.destroy());
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#watch.changed();
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#watch.end(() => "closed without an answer");
        resolve();
      });
    });
  }

  /** Sends a request; its answer is for `answer`. */
  send(method: string, path: string, { headers = {}, body }: Request = {}): void {
    const all = {
      host: "test",
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`);
  }

  /** The next answer. */
  answer(): Promise<Answer> {
    return this.#watch.until(() => this.#parse());
  }

  request(method: string, path: string, request: Request = {}): Promise<Answer> {
    this.send(method, path, request);
    return this.answer();
  }

  #parse(): Answer | undefined {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const [first = "", ...fields] = this.#received.subarray(0, end).toString("latin1").split("\r\n");
    const headers = new Map(
      fields.map((field): [string, string] => {
        const colon = field.indexOf(":");
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
      }),
    );
    const after = end + 4 + Number(headers.get("content-length") ?? 0);
    if (this.#received.length < after) return undefined;
    const body = this.#received.subarray(end + 4, after).toString();
    this.#received = this.#received.subarray(after);
    return { status: Number(first.split(" ")[1]), headers, body };
  }
}

/** One request on a connection of its own. */
export async function ask(
  t: TestContext,
  url: URL,
  method: string,
  path: string,
  request: Request = {},
): Promise<Answer> {
  const connection = await RawConnection.open(t, url);
  const answer = await connection.request(method, path, request);
  connection.socket.destroy();
  return answer;
}

/** The headers of a WebSocket upgrade. */
export const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
} as const;
