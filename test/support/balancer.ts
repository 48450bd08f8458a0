import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";

/**
 * Gives every TCP connection to the next one in rotation, as a Kubernetes service does; one that refuses is passed over.
 * What stands goes on when its server leaves the rotation.
 */
export class Balancer {
  readonly #server: Server;
  readonly #rotation: number[] = [];
  readonly #sockets = new Set<Socket>();
  #next = 0;

  static async start(t: TestContext): Promise<Balancer> {
    const balancer = new Balancer(createServer({ allowHalfOpen: true, noDelay: true }));
    balancer.#server.listen(0, "127.0.0.1");
    t.after(() => balancer.close());
    await once(balancer.#server, "listening");
    return balancer;
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.#keep(socket);
      void this.#serve(socket);
    });
  }

  get url(): URL {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return new URL(`http://127.0.0.1:${address.port}`);
  }

  add(port: number): void {
    this.#rotation.push(port);
  }

  remove(port: number): void {
    const index = this.#rotation.indexOf(port);
    if (index >= 0) this.#rotation.splice(index, 1);
  }

  /** Breaks every connection. */
  drop(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  async #serve(client: Socket): Promise<void> {
    for (const port of this.#turn()) {
      const server = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      this.#keep(server);
      try {
        await once(server, "connect");
      } catch {
        continue;
      }
      join(client, server);
      join(server, client);
      return;
    }
    client.destroy();
  }

  /** Everyone in rotation, from the one whose turn it is. */
  #turn(): readonly number[] {
    this.#next += 1;
    return this.#rotation.map((_, i, all) => all[(this.#next + i) % all.length] ?? 0);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

/** Bytes, the end of them, and a breakdown pass on. */
function join(from: Socket, to: Socket): void {
  if (from.destroyed) return void to.destroy();
  from.pipe(to);
  from.once("close", (failed) => {
    if (failed) to.resetAndDestroy();
    else if (!from.readableEnded) to.destroy();
  });
}
