import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.js";
import { deferred } from "../base/deferred.js";
import type { Arrivals, Requests, RequestsReport } from "../drain/ports.js";

/** How often idle kept-alive connections are looked for while requests end, ms. */
const IDLE_SWEEP_MS = 100;

/**
 * The connections and requests of one HTTP server: who arrived when, what is in flight, what never sent a byte.
 */
export class Sockets implements Arrivals, Requests {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #open = new Set<Socket>();
  /** Connections whose first request (probes apart) has not come yet. */
  readonly #fresh = new WeakSet<Socket>();
  readonly #late = new WeakSet<Socket>();
  #lastArrivalAt: number | undefined;
  #admitting = true;
  #counting = false;
  #inFlight = 0;
  #finished = 0;
  #idle = deferred();

  constructor(server: Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
    const open = this.#open;
    // One function for all sockets: a closure for each would be felt at ten thousand.
    function forget(this: Socket): void {
      open.delete(this);
    }
    const onConnection = (socket: Socket) => {
      // A connection may be handed to the server a second time (upgrades.ts).
      if (open.has(socket)) return;
      open.add(socket);
      this.#fresh.add(socket);
      if (!this.#admitting) this.#late.add(socket);
      socket.on("close", forget);
    };
    server.on("connection", onConnection);
    // Over TLS, requests come on a socket of their own; the raw one is known from `connection`.
    server.on("secureConnection", onConnection);
  }

  /** Whether a connection is one of this server's. */
  has(socket: Socket): boolean {
    return this.#open.has(socket);
  }

  /** A request that is not a probe has come on `socket`; true if it is the connection's first: somebody new has arrived. */
  arrived(socket: Socket): boolean {
    const first = this.#fresh.delete(socket);
    if (first) this.#lastArrivalAt = this.#clock.now();
    return first;
  }

  lastAt(): number | undefined {
    return this.#lastArrivalAt;
  }

  /** Connections made from now on are late. */
  stopAdmitting(): void {
    this.#admitting = false;
  }

  isLate(socket: Socket): boolean {
    return this.#late.has(socket);
  }

  /** Counts requests that end from now on as finished by the drain. */
  startCounting(): void {
    this.#counting = true;
  }

  /** Keeps account of a request until its response is over, however it ends. */
  track(response: ServerResponse): void {
    if (this.#inFlight === 0) this.#idle = deferred();
    this.#inFlight += 1;
    response.once("close", () => {
      this.#inFlight -= 1;
      if (this.#counting && response.writableFinished) this.#finished += 1;
      if (this.#inFlight === 0) this.#idle.resolve();
    });
  }

  async settle(signal: AbortSignal): Promise<void> {
    // A connection turns idle only after its last response, so one look is not enough.
    let cancel = () => {};
    const sweep = () => {
      this.#server.closeIdleConnections();
      if (!signal.aborted) cancel = this.#clock.after(IDLE_SWEEP_MS, sweep);
    };
    signal.addEventListener("abort", () => cancel(), { once: true });
    sweep();
    if (this.#inFlight > 0) await this.#idle.promise;
  }

  report(): RequestsReport {
    return { finished: this.#finished, open: this.#inFlight };
  }

  /** Ends whatever is still connected, silent connections and half-done handshakes too. */
  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
