import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { LEAVE_TIMEOUT_MS } from "../../src/client/link.js";
import { type Client, type ConnectOptions, connect, type HostNews, type Item, type Status } from "../../src/client.js";
import type { Id } from "../../src/protocol/ids.js";
import { type HelloMessage, type ServerMessage, SUBPROTOCOL } from "../../src/protocol/messages.js";
import { ManualClock } from "../support/manual-clock.js";
import { type Script, type ScriptedWebSocket, scripted } from "./scripted-websocket.js";

export const URL = "ws://server/ws";

/** The id of the item with this number, in a journal that was never replaced (or `tag` times). */
export function id(n: number, tag = 0): Id {
  return `${n}-${String(tag).padStart(8, "0")}`;
}

export function hello(cursor: Id, more: Partial<HelloMessage> = {}): HelloMessage {
  return {
    type: "hello",
    server: "pod-1",
    version: "1.0.0",
    stream: "main",
    cursor,
    head: cursor,
    heartbeatMs: 15_000,
    maxBytes: 100,
    keyTtlMs: 120_000,
    ...more,
  };
}

/** Item `n`; its data is its number. */
export function item(n: number, tag = 0): ServerMessage {
  return { type: "item", id: id(n, tag), at: 1_000 + n, data: n };
}

/** A scripted socket that speaks `lastcall.v1`. */
export class ScriptedServer {
  readonly socket: ScriptedWebSocket;

  constructor(socket: ScriptedWebSocket) {
    this.socket = socket;
  }

  /** Frames that the client sent, since the last call. */
  heard(): readonly Record<string, unknown>[] {
    const frames = this.socket.done.filter((did) => did.startsWith("send "));
    this.socket.done.splice(0, this.socket.done.length, ...this.socket.done.filter((did) => !did.startsWith("send ")));
    return frames.map((frame) => JSON.parse(frame.slice("send ".length)));
  }

  /** What the client did beside sending. */
  get did(): readonly string[] {
    return this.socket.done.filter((did) => !did.startsWith("send "));
  }

  say(...messages: readonly ServerMessage[]): void {
    for (const message of messages) this.socket.frame(JSON.stringify(message));
  }

  /** Takes the connection, and its `start`. */
  accept(): Record<string, unknown> {
    this.socket.open(SUBPROTOCOL);
    const [start] = this.heard();
    assert.ok(start);
    return start;
  }

  /** The same, and answers with `hello` after the cursor asked for (or `cursor`). */
  welcome(cursor?: Id, more?: Partial<HelloMessage>): Record<string, unknown> {
    const start = this.accept();
    this.say(hello(cursor ?? (start["after"] as Id), more));
    return start;
  }
}

export interface Started {
  readonly clock: ManualClock;
  readonly script: Script;
  readonly client: Client;
  /** Every status so far. */
  readonly statuses: readonly Status[];
  readonly types: () => readonly Status["type"][];
  /** The newest connection, or the one with this index. */
  server(index?: number): ScriptedServer;
  /** Reads on in the background, to the end. */
  read(): Reader;
  news(news: HostNews): void;
}

/** Reads a client to its end, in the background. */
export class Reader {
  readonly items: Item[] = [];
  /** What ended it: an error, or nothing when it ended as it should. */
  error: unknown;
  done = false;
  readonly ended: Promise<void>;

  constructor(client: AsyncIterable<Item>) {
    this.ended = this.#run(client);
  }

  get data(): readonly unknown[] {
    return this.items.map(({ data }) => data);
  }

  async #run(client: AsyncIterable<Item>): Promise<void> {
    try {
      for await (const item of client) this.items.push(item);
    } catch (thrown) {
      this.error = thrown;
    }
    this.done = true;
  }
}

/** A client on scripted sockets, on a clock that stands still; every wait is its ceiling: 1, 2, 4, 8, 16, 30 s. */
export function start(t: TestContext, options: ConnectOptions = {}): Started {
  const clock = new ManualClock();
  const script = scripted();
  let tell: (news: HostNews) => void = () => {};
  const client = connect(URL, {
    WebSocket: script.WebSocket,
    clock,
    // Waits are as long as they can be.
    random: () => 1,
    host: {
      subscribe(listener) {
        tell = listener;
        return () => {
          tell = () => {};
        };
      },
    },
    ...options,
  });
  t.after(async () => {
    const closed = client.close();
    await clock.advance(LEAVE_TIMEOUT_MS);
    await closed;
    assert.deepEqual(clock.pending, [], "a closed client leaves no timer");
    for (const { readyState, done } of script.sockets) assert.ok(readyState === 3, `left open: ${done}`);
  });
  const statuses = [client.status.get()];
  client.status.subscribe((status) => statuses.push(status));
  return {
    clock,
    script,
    client,
    statuses,
    types: () => statuses.map(({ type }) => type),
    server(index) {
      const socket = index === undefined ? script.socket : script.sockets[index];
      assert.ok(socket, `no connection ${index}`);
      return new ScriptedServer(socket);
    },
    read: () => new Reader(client),
    news: (news) => tell(news),
  };
}

/** Everything that can settle by itself has. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
