import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../src/base/clock.js";
import { MemoryJournal } from "../../src/journal/memory.js";
import { JOURNAL_DEFAULTS } from "../../src/journal/port.js";
import { type Id, numberOf } from "../../src/protocol/ids.js";
import { Feed } from "../../src/stream/feed.js";
import type { Connection, ConnectionEvents, Fate, Marks } from "../../src/wire/connection.js";
import { ServerSocket } from "../../src/wire/server-socket.js";
import { TextConnection } from "../../src/wire/text.js";

export const STREAM = "main";

/** A connection of the server's, and everything it told. */
export interface Accepted {
  readonly connection: Connection;
  readonly socket: Socket;
  readonly ws: WebSocket;
  readonly told: string[];
  /** Settles when it has told `what`. */
  heard(what: string): Promise<void>;
  /** How it ended. */
  readonly fate: Promise<{ readonly fate: Fate; readonly echoed: boolean }>;
}

/** A real server that gives every WebSocket a `TextConnection`, over a memory journal; ends with the test, all of it. */
export async function wire(t: TestContext) {
  const journal = new MemoryJournal(JOURNAL_DEFAULTS, systemClock);
  const feed = new Feed(journal, STREAM, await journal.head(STREAM), systemClock, {
    items() {},
    gap() {},
    ended() {},
    failed() {},
  });
  const abort = new AbortController();
  const followed = feed.follow(abort.signal);
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, WebSocket: ServerSocket, perMessageDeflate: false });
  const queue: Accepted[] = [];
  const arrivals = new EventEmitter();
  let plain: ((socket: Socket) => void) | undefined;
  server.on("upgrade", (request, socket: Socket, head) => {
    sockets.handleUpgrade(request, socket, head, (ws) => {
      if (plain !== undefined) {
        ws.on("error", () => {});
        return plain(socket);
      }
      const after = new URL(request.url ?? "/", "http://server").searchParams.get("after") as Id | null;
      queue.push(accept(ws, socket, feed, after ?? feed.at));
      arrivals.emit("one");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  t.after(async () => {
    abort.abort();
    await followed;
    server.close();
    for (const socket of open) socket.destroy();
    await once(server, "close");
  });
  let keys = 0;
  const publish = async (data: readonly string[]) => {
    const publications = data.map((one) => {
      keys += 1;
      return { publisher: "test", key: `${keys}`, data: one };
    });
    return (await journal.append(STREAM, publications)).map(({ id }) => id);
  };
  return {
    port,
    feed,
    journal,
    publish,
    /** Appends items; they are JSON values. */
    append: (values: readonly unknown[]) => publish(values.map((value) => JSON.stringify(value))),
    /** The next connection. */
    async accepted(): Promise<Accepted> {
      for (;;) {
        const next = queue.shift();
        if (next !== undefined) return next;
        await once(arrivals, "one");
      }
    },
    /** A client of ws, and the server's raw socket to it, without a connection of ours. */
    async upgraded() {
      const raw = new Promise<Socket>((resolve) => {
        plain = resolve;
      });
      const client = new WebSocket(`ws://127.0.0.1:${port}/`);
      await once(client, "open");
      return { client, raw: await raw };
    },
    /** Everything up to the journal's head. */
    async marks(): Promise<Marks> {
      return new Map([[STREAM, numberOf(await journal.head(STREAM))]]);
    },
  };
}

function accept(ws: WebSocket, socket: Socket, feed: Feed, cursor: Id): Accepted {
  const told: string[] = [];
  const changes = new EventEmitter().setMaxListeners(0);
  const note = (what: string) => {
    told.push(what);
    changes.emit("told");
  };
  let ended: (how: { fate: Fate; echoed: boolean }) => void = () => {};
  const fate = new Promise<{ fate: Fate; echoed: boolean }>((resolve) => {
    ended = resolve;
  });
  const events: ConnectionEvents = {
    wrote: (_connection: Connection, items) => note(`wrote ${items}`),
    heard: () => note("heard"),
    behind: () => note("behind"),
    gap: (_connection, reason) => note(`gap ${reason}`),
    received: (_connection, text) => note(`received ${text}`),
    blocked: () => note("blocked"),
    flushed: () => note("flushed"),
    closed(_connection, fate, echoed) {
      note(`closed ${fate} ${echoed}`);
      ended({ fate, echoed });
    },
  };
  if (!(ws instanceof ServerSocket)) throw new TypeError("the server made another kind of WebSocket");
  const connection = new TextConnection(ws, feed, cursor, events);
  ws.own(connection, socket);
  connection.start();
  const heard = async (what: string) => {
    while (!told.includes(what)) await once(changes, "told");
  };
  return { connection, socket, ws, told, heard, fate };
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/**
 * A client that speaks WebSocket by hand: it notes every frame it gets (text as it is, others by their opcode's name, a
 * close with its code, `FIN` and `RST`), and answers nothing by itself. `onFrame` may.
 */
export async function rawClient(
  port: number,
  path = "/",
  onFrame: (frame: string, client: RawClient) => void = () => {},
) {
  const socket = connect(port, "127.0.0.1");
  const frames: string[] = [];
  const changes = new EventEmitter().setMaxListeners(0);
  let rest: Buffer = Buffer.alloc(0);
  let upgraded = false;
  const note = (frame: string) => {
    frames.push(frame);
    changes.emit("frame");
    onFrame(frame, client);
  };
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    if (!upgraded) {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      upgraded = true;
      rest = rest.subarray(end + 4);
      changes.emit("upgraded");
    }
    for (let frame = firstFrame(rest); frame !== undefined; frame = firstFrame(rest)) {
      rest = rest.subarray(frame.bytes);
      note(frame.text);
    }
  });
  socket.on("end", () => note("FIN"));
  socket.on("error", () => note("RST"));
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  const client: RawClient = {
    socket,
    frames,
    closed,
    send: (opcode, payload = Buffer.alloc(0)) => socket.write(maskedFrame(opcode, payload)),
    async seen(what) {
      const done = () => (typeof what === "number" ? frames.length >= what : frames.includes(what));
      while (!done() && !frames.includes("FIN") && !frames.includes("RST")) await once(changes, "frame");
    },
  };
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
  );
  await once(changes, "upgraded");
  return client;
}

export interface RawClient {
  readonly socket: Socket;
  readonly frames: string[];
  readonly closed: Promise<void>;
  /** Sends a frame of its own; the payload is under 126 bytes. */
  send(opcode: number, payload?: Buffer): void;
  /** Settles when that frame was seen, or so many, or the connection has ended. */
  seen(what: string | number): Promise<void>;
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSING = 8;
export const PONG = 10;

/** A close frame's payload. */
export function code(number: number): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(number);
  return payload;
}

function maskedFrame(opcode: number, payload: Buffer): Buffer {
  // A mask of zeros changes nothing.
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

function firstFrame(bytes: Buffer): { readonly text: string; readonly bytes: number } | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  const header = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < header) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < header + length) return undefined;
  const payload = bytes.subarray(header, header + length);
  const opcode = (bytes[0] ?? 0) & 0x0f;
  const text =
    opcode === TEXT
      ? payload.toString()
      : opcode === CLOSING
        ? `close ${payload.length > 0 ? payload.readUInt16BE(0) : 1005}`
        : `opcode ${opcode}`;
  return { text, bytes: header + length };
}
