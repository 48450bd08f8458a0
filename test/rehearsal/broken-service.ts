import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { type Id, makeId } from "../../src/protocol/ids.js";
import { SUBPROTOCOL } from "../../src/protocol/messages.js";
import { asText, CLOSE_WORD, SHUTDOWN } from "../../src/protocol/text.js";

/** What it does wrong; nothing: it is correct. */
export type Defect =
  /** The fifth item of one connection. */
  | "drops_one"
  | "repeats_one"
  /** With the sixth. */
  | "swaps_two"
  /** Who is told that it goes is closed at once. */
  | "closes_early"
  | "forgets_shutdown"
  /** Everything new while it goes. */
  | "refuses_in_window"
  /** The fifth item. */
  | "acks_and_forgets";

/** What it speaks. */
export type Served = "lastcall.v1" | "sse" | "text";

interface Item {
  readonly id: Id;
  readonly at: number;
  readonly data: string;
}

/** From being told to go to the end, ms; clients of lastcall.v1 have their slots in the first half, and more time. */
const DRAIN_MS = 800;
const PATIENCE_MS = 15_000;
const POLL_MS = 20;
/** The window, at the beginning of that, ms. */
const WINDOW_MS = 300;
/** Which of a connection's items, or of all items, is treated wrongly. */
const FIFTH = 5;

/** One client's connection: a place in the journal, and what a client of its protocol is told. */
interface Session {
  readonly protocol: Served;
  readonly generation: number;
  /** Index of the next item. */
  next: number;
  given: number;
  /** Whether what is given is wrong: once, for one client of the protocol. */
  readonly isVictim: boolean;
  send(item: Item): void;
  tell(word: "shutdown" | "close", slot: number): void;
  end(isDrained: boolean): void;
}

/**
 * One process that plays a deployment: it speaks lastcall.v1, SSE and text as far as is needed, is rolled by
 * `POST /roll` (newcomers are the next generation's, those that stand are told to go), and does one thing wrong.
 */
export class BrokenService {
  readonly #defect: Defect | undefined;
  /** Whose clients suffer from what concerns one connection. */
  readonly #victims: Served;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offers) => (offers.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  readonly #journal: Item[] = [];
  readonly #origin = makeId(0, tag());
  readonly #keys = new Map<string, Id>();
  readonly #sessions = new Set<Session>();
  #generation = 1;
  #hasVictim = false;
  #inWindow = false;
  #posts = 0;

  static async start(t: TestContext, defect?: Defect, victims: Served = "sse"): Promise<BrokenService> {
    const service = new BrokenService(defect, victims);
    service.#server.listen(0, "127.0.0.1");
    t.after(() => service.#close());
    await once(service.#server, "listening");
    return service;
  }

  private constructor(defect: Defect | undefined, victims: Served) {
    this.#defect = defect;
    this.#victims = victims;
    this.#server.on("upgrade", (request, socket, head) => {
      if (this.#isRefusing()) return void socket.end("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on("error", () => {});
        if (webSocket.protocol === SUBPROTOCOL) this.#speak(webSocket);
        else this.#write(webSocket);
      });
    });
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `ws://127.0.0.1:${address.port}`;
  }

  /** A shell command that rolls it, and ends when that is over. */
  get rollout(): string {
    const url = this.url.replace("ws:", "http:");
    return `'${process.execPath}' -e 'fetch("${url}/roll",{method:"POST"}).then(({ok})=>process.exit(ok?0:1))'`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://service");
    const route = `${request.method} ${url.pathname}`;
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const body = await text(request).catch(() => "");
    if (route === "POST /roll") {
      await this.#roll();
      return json(200, {});
    }
    if (this.#isRefusing()) return json(503, { code: "shutting_down" });
    switch (route) {
      case "POST /items":
        return this.#publish(String(request.headers["idempotency-key"]), body, json);
      case "GET /items": {
        const after = this.#placeAfter(url.searchParams.get("after") ?? "oldest");
        const items = this.#journal.slice(after, after + Number(url.searchParams.get("limit") ?? 100));
        const cursor = items.at(-1)?.id ?? this.#idBefore(after);
        return json(200, { items: items.map(({ data, ...item }) => ({ ...item, data: JSON.parse(data) })), cursor });
      }
      case "GET /events":
        return this.#stream(String(request.headers["last-event-id"] ?? "now"), response);
      default:
        return json(200, { status: "ready" });
    }
  }

  #publish(key: string, data: string, json: (status: number, body: unknown) => void): void {
    const known = this.#keys.get(key);
    if (known !== undefined) return void json(200, { id: known });
    const item = { id: makeId(this.#journal.length + 1, tag()), at: Date.now(), data };
    this.#keys.set(key, item.id);
    this.#posts += 1;
    const isForgotten = this.#defect === "acks_and_forgets" && this.#posts === FIFTH;
    if (!isForgotten) this.#journal.push(item);
    json(201, { id: item.id });
    for (const session of this.#sessions) this.#give(session);
  }

  /** Everything up to the head, or, from one who is treated wrongly, what is wrong. */
  #give(session: Session): void {
    for (let item = this.#journal[session.next]; item !== undefined; item = this.#journal[session.next]) {
      const isHis = session.isVictim && session.given + 1 === FIFTH;
      if (isHis && this.#defect === "swaps_two") {
        const after = this.#journal[session.next + 1];
        // It waits for the other.
        if (after === undefined) return;
        session.send(after);
        session.next += 1;
      }
      session.next += 1;
      session.given += 1;
      if (!(isHis && this.#defect === "drops_one")) session.send(item);
      if (isHis && this.#defect === "repeats_one") session.send(item);
    }
  }

  async #roll(): Promise<void> {
    const leaving = [...this.#sessions].filter(({ generation }) => generation === this.#generation);
    this.#generation += 1;
    this.#inWindow = true;
    await sleep(WINDOW_MS);
    this.#inWindow = false;
    const slots = leaving.map((_, i) => 50 + ((DRAIN_MS / 2) * i) / leaving.length);
    for (const [i, session] of leaving.entries()) {
      if (this.#defect !== "forgets_shutdown") session.tell("shutdown", slots[i] ?? 0);
      if (this.#defect === "closes_early") this.#part(session, false);
    }
    await sleep(DRAIN_MS);
    const isPatient = this.#defect !== "forgets_shutdown";
    for (const session of leaving) if (session.protocol !== "lastcall.v1" || !isPatient) this.#part(session, true);
    // Machines that have much else to do make clients slow: what they are not given time for is nothing they were denied.
    for (let waited = 0; waited < PATIENCE_MS && leaving.some((it) => this.#sessions.has(it)); waited += POLL_MS) {
      await sleep(POLL_MS);
    }
    for (const session of leaving) this.#part(session, true);
  }

  #part(session: Session, isDrained: boolean): void {
    if (!this.#sessions.delete(session)) return;
    if (isDrained) session.tell("close", 0);
    session.end(isDrained);
  }

  #enter(session: Omit<Session, "generation" | "isVictim" | "given">): Session {
    const isVictim = session.protocol === this.#victims && !this.#hasVictim;
    if (isVictim) this.#hasVictim = true;
    const entered = Object.assign(session, { generation: this.#generation, isVictim, given: 0 });
    this.#sessions.add(entered);
    return entered;
  }

  #speak(socket: WebSocket): void {
    const say = (message: object) => socket.send(JSON.stringify(message));
    let session: Session | undefined;
    socket.on("message", (frame) => {
      const { type, after = "now" } = JSON.parse(String(frame));
      if (type === "ping") return say({ type: "pong" });
      if (type !== "start") return;
      const next = this.#placeAfter(after);
      say({
        ...{ type: "hello", server: `pod-${this.#generation}`, version: "0", stream: "main", heartbeatMs: 15_000 },
        ...{ maxBytes: 65_536, keyTtlMs: 120_000, cursor: this.#idBefore(next), head: this.#idBefore() },
      });
      session = this.#enter({
        protocol: "lastcall.v1",
        next,
        send: ({ id, at, data }) => socket.send(`{"type":"item","id":"${id}","at":${at},"data":${data}}`),
        tell: (word, slot) => {
          if (word === "close") say({ type: "close", cursor: this.#idBefore() });
          else say({ type: "shutdown", reconnectInMs: slot, closesInMs: DRAIN_MS + PATIENCE_MS });
        },
        end: () => socket.close(1012),
      });
      this.#give(session);
    });
    socket.on("close", () => session && this.#sessions.delete(session));
  }

  #write(socket: WebSocket): void {
    const session = this.#enter({
      protocol: "text",
      next: this.#journal.length,
      send: ({ data }) => socket.send(asText(data)),
      tell: (word) => socket.send(word === "close" ? CLOSE_WORD : SHUTDOWN),
      end: (isDrained) => (isDrained ? socket.close(1012) : socket.terminate()),
    });
    socket.on("close", () => this.#sessions.delete(session));
  }

  #stream(after: string, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const next = this.#placeAfter(after);
    response.write(`retry: 100\nid: ${this.#idBefore(next)}\n\n`);
    const session = this.#enter({
      protocol: "sse",
      next,
      send: ({ id, data }) => response.write(`id: ${id}\ndata: ${data}\n\n`),
      tell: (word) => response.write(`event: ${word}\ndata: {}\n\n`),
      end: () => response.end(),
    });
    response.on("close", () => this.#sessions.delete(session));
    this.#give(session);
  }

  #isRefusing(): boolean {
    return this.#inWindow && this.#defect === "refuses_in_window";
  }

  /** Index of the item after a position. */
  #placeAfter(after: string): number {
    if (after === "now") return this.#journal.length;
    return after === "oldest" ? 0 : Number.parseInt(after, 10);
  }

  #idBefore(index = this.#journal.length): Id {
    const item = this.#journal[index - 1];
    return item?.id ?? this.#origin;
  }

  async #close(): Promise<void> {
    for (const socket of this.#webSockets.clients) socket.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

function tag(): string {
  return Array.from({ length: 8 }, () => randomInt(36).toString(36)).join("");
}
