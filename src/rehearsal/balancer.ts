import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Where newcomers may be sent. */
export interface Endpoint {
  readonly name: string;
  readonly port: number;
}

interface Pair {
  readonly replica: string;
  readonly client: Socket;
  readonly server: Socket;
  held: boolean;
}

/**
 * Gives every TCP connection to the next endpoint in rotation, as kube-proxy does: it knows no requests, an endpoint that
 * refuses is not passed over, and what stands goes on when its endpoint has left the rotation.
 */
export class Balancer {
  readonly #server: Server;
  readonly #rotation: Endpoint[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #pairs = new Map<number, Pair>();
  #next = 0;

  /** Listens on a free port of this machine. */
  static async start(): Promise<Balancer> {
    const balancer = new Balancer(createServer({ allowHalfOpen: true, noDelay: true }));
    balancer.#server.listen(0, "127.0.0.1");
    await once(balancer.#server, "listening");
    return balancer;
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#serve(socket));
  }

  get url(): URL {
    // A server that listens on a port has this form of address.
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  add(endpoint: Endpoint): void {
    if (!this.has(endpoint.name)) this.#rotation.push(endpoint);
  }

  remove(name: string): void {
    const index = this.#rotation.findIndex((endpoint) => endpoint.name === name);
    if (index >= 0) this.#rotation.splice(index, 1);
  }

  has(name: string): boolean {
    return this.#rotation.some((endpoint) => endpoint.name === name);
  }

  /** Which endpoint the connection from this port was sent to. */
  replicaOf(clientPort: number): string | undefined {
    return this.#pairs.get(clientPort)?.replica;
  }

  /** Connections that stand through it. */
  connections(replica: string): number {
    let count = 0;
    for (const pair of this.#pairs.values()) if (pair.replica === replica && !pair.client.destroyed) count += 1;
    return count;
  }

  /** From now on nothing passes on this connection, in either direction, and neither side is told. */
  hold(clientPort: number): void {
    const pair = this.#pairs.get(clientPort);
    if (pair === undefined) return;
    pair.held = true;
    for (const socket of [pair.client, pair.server]) {
      socket.unpipe();
      // Taken and thrown away, as if it were lost on the way.
      socket.resume();
    }
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #serve(client: Socket): void {
    this.#keep(client);
    const endpoint = this.#turn();
    const port = client.remotePort;
    // Nobody there: what a service without endpoints answers.
    if (endpoint === undefined || port === undefined) return void client.resetAndDestroy();
    const server = connect({ port: endpoint.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.#keep(server);
    const pair: Pair = { replica: endpoint.name, client, server, held: false };
    this.#pairs.set(port, pair);
    client.once("close", () => {
      // The port may have come to somebody else meanwhile.
      if (this.#pairs.get(port) === pair) this.#pairs.delete(port);
    });
    join(client, server, pair);
    join(server, client, pair);
  }

  #turn(): Endpoint | undefined {
    this.#next += 1;
    return this.#rotation[this.#next % this.#rotation.length];
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

/** Bytes, the end of them, and a breakdown pass on. */
function join(from: Socket, to: Socket, pair: Pair): void {
  from.pipe(to);
  from.once("close", (failed) => {
    if (pair.held) return;
    if (failed) to.resetAndDestroy();
    else if (!from.readableEnded) to.destroy();
  });
}
