import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { type Clock, systemClock } from "../../src/base/clock.js";
import { MemoryJournal } from "../../src/journal/memory.js";
import { JOURNAL_DEFAULTS, type Journal } from "../../src/journal/port.js";
import { type Id, isId, numberOf } from "../../src/protocol/ids.js";
import { Feed } from "../../src/stream/feed.js";
import { MAX_PINNED_BYTES, Stalls } from "../../src/stream/stalls.js";
import type { Connection, ConnectionEvents, Fate, Marks } from "../../src/wire/connection.js";
import { EventStream } from "../../src/wire/event-stream.js";
import type { Peer } from "../../src/wire/peer.js";
import { ServerSocket } from "../../src/wire/server-socket.js";
import { SseConnection } from "../../src/wire/sse.js";
import { TextConnection } from "../../src/wire/text.js";
import { V1Connection } from "../../src/wire/v1.js";
import type { V1Server } from "../../src/wire/v1-server.js";

export const STREAM = "main";

interface Told {
  readonly told: string[];
  /** Settles when it has told `what`. */
  heard(what: string): Promise<void>;
  /** How it ended. */
  readonly fate: Promise<{ readonly fate: Fate; readonly echoed: boolean }>;
}

/** A connection of the server's, and everything it told. */
export interface Accepted extends Told {
  readonly connection: Connection;
  readonly socket: Socket;
  readonly ws: WebSocket;
}

/** The same for an event stream. */
export interface Streamed extends Told {
  readonly connection: SseConnection;
  readonly socket: Socket;
}

export interface WireOptions {
  /** What v1 connections are told to use. */
  readonly clock?: Clock;
  readonly journal?: Journal;
  /** What the server that v1 connections are part of does otherwise. */
  readonly v1?: Partial<V1Server>;
}

/** What every hello of the kit's server says. */
export const TERMS = { server: "pod", version: "1.2.3", heartbeatMs: 15_000, maxBytes: 65_536, keyTtlMs: 120_000 };

/**
 * A real server that gives every WebSocket a `TextConnection`, or a `V1Connection` where a subprotocol is offered, and
 * every request an `SseConnection`, over a memory journal; ends with the test, all of it.
 */
export async function wire(t: TestContext, options: WireOptions = {}) {
  const { clock = systemClock, journal = new MemoryJournal(JOURNAL_DEFAULTS, systemClock) } = options;
  const feed = new Feed(STREAM, await journal.head(STREAM), {
    journal,
    clock: systemClock,
    events: { items() {}, gap() {}, ended() {}, failed() {} },
    stalls: new Stalls(MAX_PINNED_BYTES),
  });
  const abort = new AbortController();
  const followed = feed.follow(abort.signal);
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, WebSocket: ServerSocket, perMessageDeflate: false });
  const v1: V1Server = {
    clock,
    terms: TERMS,
    open: async () => feed,
    async locate(_feed, position) {
      const head = await feed.head();
      if (position !== "oldest") return { cursor: position === "now" ? head : position, head };
      return { cursor: (await journal.read(STREAM, position, 1)).after, head };
    },
    async publish(stream, { key, data }) {
      const [answer] = await journal.append(stream, [{ publisher: "client", key, data }]);
      return answer?.id ?? "0-00000000";
    },
    ...options.v1,
  };
  const queue: Accepted[] = [];
  const streams: Streamed[] = [];
  const arrivals = new EventEmitter();
  let plain: ((socket: Socket) => void) | undefined;
  server.on("upgrade", (request, socket: Socket, head) => {
    sockets.handleUpgrade(request, socket, head, (ws) => {
      if (plain !== undefined) {
        ws.on("error", () => {});
        return plain(socket);
      }
      if (!(ws instanceof ServerSocket)) throw new TypeError("the server made another kind of WebSocket");
      const { events, ...told } = observed();
      const connection: Peer =
        ws.protocol === ""
          ? new TextConnection(ws, feed, asked(request) ?? feed.at, events)
          : new V1Connection(ws, v1, events);
      ws.own(connection, socket);
      connection.start();
      queue.push({ connection, socket, ws, ...told });
      arrivals.emit("one");
    });
  });
  server.on("request", (request, response) => {
    const { events, ...told } = observed();
    response.writeHead(200, { "content-type": "text/event-stream" });
    const outlet = new EventStream(response, request.socket);
    const connection = new SseConnection(outlet, feed, asked(request) ?? feed.at, events, RETRY_MS);
    outlet.own(connection);
    connection.start();
    streams.push({ connection, socket: request.socket, ...told });
    arrivals.emit("one");
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
  const arrived = async <T>(from: T[]): Promise<T> => {
    for (;;) {
      const next = from.shift();
      if (next !== undefined) return next;
      await once(arrivals, "one");
    }
  };
  return {
    port,
    feed,
    journal,
    publish,
    /** Appends items; they are JSON values. */
    append: (values: readonly unknown[]) => publish(values.map((value) => JSON.stringify(value))),
    /** The next connection. */
    accepted: () => arrived(queue),
    /** The next event stream. */
    streamed: () => arrived(streams),
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
      return new Map([[STREAM, { n: numberOf(await journal.head(STREAM)), generation: feed.generation }]]);
    },
  };
}

/** What event streams begin with here. */
export const RETRY_MS = 700;

/** Data that fills what two kernels keep for one connection, when there is enough of it. */
export const LARGE = "x".repeat(60_000);

/** Publishes until a connection whose peer does not read takes nothing more, and goes on taking nothing. */
export async function fill(it: Awaited<ReturnType<typeof wire>>, socket: Socket): Promise<void> {
  for (let quiet = 0; quiet < 20; ) {
    const sent = socket.bytesWritten - socket.writableLength;
    if (!socket.writableNeedDrain) await it.append(Array.from({ length: 20 }, () => LARGE));
    await new Promise((resolve) => setImmediate(resolve));
    const stuck = socket.writableNeedDrain && socket.bytesWritten - socket.writableLength === sent;
    quiet = stuck ? quiet + 1 : 0;
  }
}

function asked(request: IncomingMessage): Id | undefined {
  const after = new URL(request.url ?? "/", "http://server").searchParams.get("after") ?? "";
  return isId(after) ? after : undefined;
}

function observed(): Told & { readonly events: ConnectionEvents } {
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
  const heard = async (what: string) => {
    while (!told.includes(what)) await once(changes, "told");
  };
  return { events, told, heard, fate };
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
  protocol?: string,
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
      const done = () => {
        if (typeof what === "function") return frames.some(what);
        return typeof what === "number" ? frames.length >= what : frames.includes(what);
      };
      while (!done() && !frames.includes("FIN") && !frames.includes("RST")) await once(changes, "frame");
    },
  };
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${
      protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`
    }\r\n`,
  );
  await once(changes, "upgraded");
  return client;
}

export interface RawClient {
  readonly socket: Socket;
  readonly frames: string[];
  readonly closed: Promise<void>;
  /** Sends a frame of its own; the payload is under 64 KB. */
  send(opcode: number, payload?: Buffer): void;
  /** Settles when that frame was seen, or one like that, or so many, or the connection has ended. */
  seen(what: string | number | ((frame: string) => boolean)): Promise<void>;
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
  const { length } = payload;
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
  // A mask of zeros changes nothing.
  return Buffer.concat([Buffer.from([0x80 | opcode, ...size, 0, 0, 0, 0]), payload]);
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
