import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

/** Bytes of one direction that the frozen proxy takes before it stops reading, as a network's own buffers would. */
const HELD_BYTES = 65_536;

/**
 * A TCP proxy that can freeze: it forwards nothing any more, in either direction, and closes nothing, whatever its two
 * ends do. To both, the other has vanished: nothing comes, what they write is taken (until their buffers are full), and
 * there is no FIN and no RST. When it thaws, what was under way arrives, closes too. Unlike a network that drops packets it acknowledges the bytes it holds: who wants that to
 * be real uses `netns.ts`.
 */
export class FreezingProxy {
  /** Where new connections are taken to: so it is also a balancer that somebody turns by hand. */
  target: URL;
  /** Connections accepted so far. */
  accepted = 0;
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  readonly #pipes = new Set<Pipe>();
  readonly #sockets = new Set<Socket>();
  #frozen = false;

  private constructor(target: URL) {
    this.target = target;
  }

  static async open(t: TestContext, target: URL): Promise<FreezingProxy> {
    const proxy = new FreezingProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    t.after(() => {
      for (const socket of proxy.#sockets) socket.destroy();
      proxy.#server.close();
    });
    return proxy;
  }

  /** The target's URL, by way of this proxy. */
  get url(): URL {
    const { port } = this.#server.address() as AddressInfo;
    return Object.assign(new URL(this.target), { hostname: "127.0.0.1", port: String(port) });
  }

  /**
   * Freezes every connection. Those made from now on are accepted and frozen too; or, with `newcomers`, they work: what
   * stood is lost as it is when a NAT has forgotten it or a laptop has changed its network.
   */
  freeze({ newcomers = false } = {}): void {
    this.#frozen = !newcomers;
    for (const pipe of this.#pipes) pipe.frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const pipe of this.#pipes) pipe.frozen = false;
  }

  /** What the servers have sent since it froze, connection by connection, those with nothing left out. */
  get heldFromServers(): readonly Buffer[] {
    return [...this.#pipes].filter((pipe) => pipe.fromServer && pipe.held.length > 0).map(({ held }) => held);
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    const server = connect({ host: this.target.hostname, port: Number(this.target.port), allowHalfOpen: true });
    for (const pipe of [new Pipe(client, server, false), new Pipe(server, client, true)]) {
      pipe.frozen = this.#frozen;
      this.#pipes.add(pipe);
      pipe.from.once("close", () => this.#pipes.delete(pipe));
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
  }
}

/** One direction of one connection. */
class Pipe {
  readonly from: Socket;
  readonly fromServer: boolean;
  readonly #to: Socket;
  #frozen = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** How `from` has ended. */
  #end: "fin" | "reset" | undefined;

  constructor(from: Socket, to: Socket, fromServer: boolean) {
    this.from = from;
    this.#to = to;
    this.fromServer = fromServer;
    from.setNoDelay();
    from.on("data", (bytes) => {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
      this.#move();
    });
    from.once("end", () => this.#ended("fin"));
    from.on("error", () => this.#ended("reset"));
    to.on("drain", () => this.#move());
  }

  get held(): Buffer {
    return Buffer.concat(this.#held);
  }

  set frozen(frozen: boolean) {
    this.#frozen = frozen;
    this.#move();
  }

  #ended(how: "fin" | "reset"): void {
    this.#end = how;
    this.#move();
  }

  #move(): void {
    if (this.#frozen) {
      if (this.#heldBytes >= HELD_BYTES) this.from.pause();
      return;
    }
    const bytes = this.held;
    this.#held = [];
    this.#heldBytes = 0;
    if (bytes.length > 0 && !this.#to.destroyed && !this.#to.write(bytes)) this.from.pause();
    else this.from.resume();
    if (this.#end === "fin") this.#to.end();
    else if (this.#end === "reset") this.#to.resetAndDestroy();
  }
}
