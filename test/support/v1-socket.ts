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
  readonly #ws: NodeWebSocket;
  readonly #watch = new Watch();

  /** Connects and starts; resolves at the `hello`. */
  static async open(t: TestContext, url: string, start: Message = {}): Promise<V1Socket> {
    const ws = new NodeWebSocket(url, SUBPROTOCOL);
    t.after(() => ws.terminate());
    const socket = new V1Socket(ws);
    await once(ws, "open");
    socket.send({ type: "start", ...start });
    await socket.message("hello");
    return socket;
  }

  private constructor(ws: NodeWebSocket) {
    this.#ws = ws;
    ws.on("message", (data) => {
      this.messages.push(JSON.parse(String(data)));
      this.#watch.changed();
    });
    ws.on("error", () => {});
    ws.on("close", (code) => this.#watch.end(() => `closed with ${code}`));
  }

  send(message: Message): void {
    this.#ws.send(JSON.stringify(message));
  }

  /** The first message of this type, with these members; waits for it. */
  message(type: string, having: Message = {}): Promise<Message> {
    const members = Object.entries({ ...having, type });
    return this.#watch.until(() =>
      this.messages.find((message) => members.every(([name, value]) => message[name] === value)),
    );
  }

  close(): void {
    this.#ws.close(1000);
  }
}
