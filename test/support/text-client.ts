import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { UPGRADE } from "./raw-socket.js";
import { Watch } from "./watch.js";

/** How a client takes the server's goodbye: answers it, keeps silent, or drops the connection at the word CLOSE. */
export type Manners = "echo" | "mute" | "drop";

/** A text client without any WebSocket library: it sees every byte that the server sends, also after the close frame. */
export class TextClient {
  /** Text frames, in the order they came. */
  readonly texts: string[] = [];
  /** The code of the server's close frame. */
  closeCode: number | undefined;
  /** Bytes that came after the close frame. */
  surplus = 0;
  /** The connection is gone. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #manners: Manners;
  readonly #watch = new Watch();
  #upgraded = false;
  #unread: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, path: string, manners: Manners) {
    this.#socket = socket;
    this.#manners = manners;
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.#read(chunk));
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#watch.end(() => `closed after ${this.texts.join(" | ")}`);
        resolve();
      });
    });
    const headers = Object.entries({ host: "test", ...UPGRADE }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${headers.join("")}\r\n`);
  }

  static async open(t: TestContext, url: URL, manners: Manners = "echo", path = "/ws"): Promise<TextClient> {
    const [client] = await TextClient.crowd(t, url, 1, manners, path);
    if (client === undefined) throw new Error("no client");
    return client;
  }

  /** Many at once. */
  static async crowd(
    t: TestContext,
    url: URL,
    size: number,
    manners: Manners = "echo",
    path = "/ws",
  ): Promise<readonly TextClient[]> {
    const clients = Array.from(
      { length: size },
      () => new TextClient(connect(Number(url.port), url.hostname), path, manners),
    );
    t.after(() => {
      for (const client of clients) client.#socket.destroy();
    });
    await Promise.all(clients.map((client) => client.#watch.until(() => client.#upgraded || undefined)));
    return clients;
  }

  /** What came from SHUTDOWN on. */
  get farewell(): readonly string[] {
    const start = this.texts.indexOf("SHUTDOWN");
    return start < 0 ? [] : this.texts.slice(start);
  }

  /** Waits for a text frame that starts like this. */
  text(start: string): Promise<string> {
    return this.#watch.until(() => this.texts.find((text) => text.startsWith(start)));
  }

  send(text: string): void {
    this.#socket.write(frame(0x81, Buffer.from(text)));
  }

  /** Takes nothing more from the connection. */
  pause(): void {
    this.#socket.pause();
  }

  /** Drops the connection, at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    if (!this.#upgraded) this.#readUpgrade();
    while (this.#upgraded && this.#readFrame());
    this.#watch.changed();
  }

  #readUpgrade(): void {
    const end = this.#unread.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#unread.subarray(0, end).toString("latin1");
    if (head.startsWith("HTTP/1.1 101 ")) this.#upgraded = true;
    else this.#watch.end(() => `not upgraded: ${head}`);
    this.#unread = this.#unread.subarray(end + 4);
  }

  #readFrame(): boolean {
    if (this.closeCode !== undefined) {
      this.surplus += this.#unread.length;
      this.#unread = Buffer.alloc(0);
      return false;
    }
    const [first, second = 0] = this.#unread;
    const start = second === 127 ? 10 : second === 126 ? 4 : 2;
    if (first === undefined || this.#unread.length < start) return false;
    const length =
      start === 2 ? second : start === 4 ? this.#unread.readUInt16BE(2) : Number(this.#unread.readBigUInt64BE(2));
    if (this.#unread.length < start + length) return false;
    const payload = this.#unread.subarray(start, start + length);
    this.#unread = this.#unread.subarray(start + length);
    this.#take(first, payload);
    return !this.#socket.destroyed;
  }

  #take(first: number, payload: Buffer): void {
    if (first === 0x81) {
      this.texts.push(payload.toString());
      if (this.#manners === "drop" && this.texts.at(-1) === "CLOSE") this.#socket.destroy();
    } else if (first === 0x88) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      if (this.#manners === "echo") this.#socket.write(frame(0x88, payload));
    } else if (first === 0x89) {
      this.#socket.write(frame(0x8a, payload));
    } else {
      this.texts.push(`unexpected frame ${first.toString(16)}`);
    }
  }
}

/** A client's frame: masked, here with zeros. */
function frame(first: number, payload: Buffer): Buffer {
  const head =
    payload.length < 126 ? [first, 0x80 | payload.length] : [first, 0xfe, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}
