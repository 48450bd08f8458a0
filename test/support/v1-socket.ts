import { once } from "node:events";
import type { TestContext } from "node:test";
import { SUBPROTOCOL } from "../../src/protocol/messages.js";
import { NodeWebSocket } from "../../src/service/node-websocket.js";
import { Watch } from "./watch.js";

/** A message as it came: what the server says is for the test to judge. */
export type Message = Readonly<Record<string, unknown>>;

/** One connection that speaks `lastcall.v1` by hand. */
export class V1Socket {
  readonly messages: Message[] = [];
  /** How the connection ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #ws: NodeWebSocket;
  readonly #watch = new Watch();

  /** Connects and starts; resolves at the `hello`. */
  static async open(t: TestContext, url: string, start: Message = {}): Promise<V1Socket> {
    const socket = await V1Socket.connect(t, url);
    socket.send({ type: "start", ...start });
    await socket.message("hello");
    return socket;
  }

  /** Connects and says nothing yet. */
  static async connect(t: TestContext, url: string, protocols: string | string[] = SUBPROTOCOL): Promise<V1Socket> {
    const ws = new NodeWebSocket(url, protocols);
    t.after(() => ws.terminate());
    const socket = new V1Socket(ws);
    await once(ws, "open");
    return socket;
  }

  private constructor(ws: NodeWebSocket) {
    this.#ws = ws;
    ws.on("message", (data) => {
      this.messages.push(JSON.parse(String(data)));
      this.#watch.changed();
    });
    ws.on("error", () => {});
    this.closed = new Promise((resolve) => {
      ws.on("close", (code, reason) => {
        this.#watch.end(() => `closed with ${code} ${reason}`);
        resolve({ code, reason: String(reason) });
      });
    });
  }

  /** The subprotocol that the server took; empty when none. */
  get protocol(): string {
    return this.#ws.protocol;
  }

  /** What it was told, by type, in order. */
  get types(): readonly unknown[] {
    return this.messages.map(({ type }) => type);
  }

  /** The items, in the order they came. */
  get items(): readonly Message[] {
    return this.ofType("item");
  }

  ofType(type: string): readonly Message[] {
    return this.messages.filter((message) => message["type"] === type);
  }

  send(message: Message): void {
    this.#ws.send(JSON.stringify(message));
  }

  /** Sends a frame as it is. */
  sendText(text: string): void {
    this.#ws.send(text);
  }

  /** The first message of this type, with these members; waits for it. */
  message(type: string, having: Message = {}): Promise<Message> {
    const members = Object.entries({ ...having, type });
    return this.#watch.until(() =>
      this.messages.find((message) => members.every(([name, value]) => message[name] === value)),
    );
  }

  /** The `count`-th message of this type; waits for it. */
  nth(type: string, count: number): Promise<Message> {
    return this.#watch.until(() => this.ofType(type)[count - 1]);
  }

  /** Takes nothing more from the connection. */
  pause(): void {
    this.#ws.pause();
  }

  close(): void {
    this.#ws.close(1000);
  }

  /** Drops the connection. */
  destroy(): void {
    this.#ws.terminate();
  }
}
