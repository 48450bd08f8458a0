import { toError } from "../base/errors.js";
import { type Connection, type ConnectionEvents, type Fate, PROTOCOLS, type Protocol } from "../wire/connection.js";
import type { Leave } from "./leave.js";
import type { Log } from "./log.js";
import type { Metrics } from "./metrics.js";
import { ANONYMOUS, type Publisher } from "./publisher.js";
import type { Roster } from "./roster.js";

/** Longest part of a client's frame that goes into the log, characters. */
const LOGGED_CHARACTERS = 200;

export interface ReceptionOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly roster: Roster;
  readonly leave: Leave;
  readonly publisher: Publisher;
  /** Whether what text clients send is published. */
  readonly textPublish: boolean;
}

/** Hears what connections tell, and sees that it is counted, logged and acted on. */
export class Reception implements ConnectionEvents {
  readonly #options: ReceptionOptions;
  /** Looked up once: by label it costs more than the write it counts. */
  readonly #counters: ReadonlyMap<Protocol, Counters>;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.#counters = new Map(PROTOCOLS.map((protocol) => [protocol, countersOf(options.metrics, protocol)]));
  }

  opened(connection: Connection): void {
    const { roster, log, leave } = this.#options;
    roster.add(connection);
    this.#counters.get(connection.protocol)?.sockets.inc();
    log.info({ peer: connection.peer, clients: roster.size }, "Client connected");
    leave.welcome(connection);
  }

  wrote(connection: Connection, items: number): void {
    this.#counters.get(connection.protocol)?.items.inc(items);
    this.#options.leave.wrote(items);
  }

  received(connection: Connection, text: string): void {
    this.#counters.get(connection.protocol)?.received.inc();
    const message = text.length > LOGGED_CHARACTERS ? `${text.slice(0, LOGGED_CHARACTERS)}…` : text;
    this.#options.log.info({ peer: connection.peer, characters: text.length, message }, "Received message");
    if (this.#options.textPublish) void this.#publish(connection, text);
  }

  blocked(connection: Connection): void {
    this.#counters.get(connection.protocol)?.slow.inc();
  }

  flushed(): void {
    this.#options.leave.flushed();
  }

  silent(connection: Connection): void {
    this.#counters.get(connection.protocol)?.pingTimeouts.inc();
    this.#options.log.info({ peer: connection.peer }, "Client answers no ping");
  }

  closed(connection: Connection, fate: Fate, echoed: boolean): void {
    const { roster, log, leave, metrics } = this.#options;
    roster.remove(connection);
    leave.ended(fate, echoed);
    this.#counters.get(connection.protocol)?.sockets.dec();
    metrics.closed.inc({ protocol: connection.protocol, fate });
    log.info({ peer: connection.peer, fate, clients: roster.size }, "Client disconnected");
  }

  /** A text client cannot be answered: what became of its message is for the log. */
  async #publish({ peer, stream }: Connection, text: string): Promise<void> {
    try {
      await this.#options.publisher.publish({ stream, publisher: ANONYMOUS, data: JSON.stringify(text) });
    } catch (thrown) {
      this.#options.log.warn({ peer, err: toError(thrown) }, "A client's message was not published");
    }
  }
}

type Counters = ReturnType<typeof countersOf>;

function countersOf(metrics: Metrics, protocol: Protocol) {
  return {
    sockets: metrics.sockets.labels(protocol),
    items: metrics.itemsSent.labels(protocol),
    received: metrics.received.labels(protocol),
    slow: metrics.slowSessions.labels(protocol),
    pingTimeouts: metrics.pingTimeouts.labels(protocol),
  };
}
