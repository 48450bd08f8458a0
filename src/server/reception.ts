import { toError } from "../base/errors.js";
import type { GapReason } from "../protocol/ids.js";
import type { Connection, ConnectionEvents, Fate } from "../wire/connection.js";
import type { PublishText } from "../wire/text.js";
import type { Leave } from "./leave.js";
import type { Log } from "./log.js";
import type { Metrics } from "./metrics.js";
import { ANONYMOUS, type Publisher } from "./publisher.js";
import type { Roster } from "./roster.js";
import { type Tallies, Tally } from "./tally.js";

/** Longest part of a client's frame that goes into the log, characters. */
const LOGGED_CHARACTERS = 200;

export interface ReceptionOptions {
  readonly log: Log;
  readonly tallies: Tallies;
  readonly metrics: Pick<Metrics, "replays" | "gaps">;
  readonly roster: Roster;
  readonly leave: Leave;
  readonly publisher: Publisher;
}

/** Hears what connections tell, and sees that it is counted, logged and acted on. */
export class Reception implements ConnectionEvents {
  readonly #options: ReceptionOptions;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  opened(connection: Connection): void {
    const { roster, log, leave } = this.#options;
    roster.add(connection);
    this.#tally(connection).sockets += 1;
    log.info({ peer: connection.peer, clients: roster.size }, "Client connected");
    leave.welcome(connection);
  }

  wrote(connection: Connection, items: number): void {
    this.#tally(connection).itemsSent += items;
    this.#options.leave.wrote(items);
  }

  received(connection: Connection, text: string): void {
    this.#tally(connection).messagesReceived += 1;
    const message = text.length > LOGGED_CHARACTERS ? `${text.slice(0, LOGGED_CHARACTERS)}…` : text;
    this.#options.log.info({ peer: connection.peer, characters: text.length, message }, "Received message");
  }

  heard(connection: Connection): void {
    this.#tally(connection).messagesReceived += 1;
  }

  behind(): void {
    this.#options.metrics.replays.inc();
  }

  gap(_connection: Connection, reason: GapReason): void {
    this.#options.metrics.gaps.inc({ reason });
  }

  blocked(connection: Connection): void {
    this.#tally(connection).slowSessions += 1;
  }

  flushed(): void {
    this.#options.leave.flushed();
  }

  silent(connection: Connection): void {
    this.#tally(connection).pingTimeouts += 1;
    this.#options.log.info({ peer: connection.peer }, "Client answers no ping");
  }

  closed(connection: Connection, fate: Fate, echoed: boolean): void {
    const { roster, log, leave } = this.#options;
    roster.remove(connection);
    leave.ended(fate, echoed);
    const tally = this.#tally(connection);
    tally.sockets -= 1;
    tally.closed[fate] += 1;
    // Ten thousand clients that leave as planned are told of in the receipt.
    if (leave.announced && fate === "left") return;
    log.info({ peer: connection.peer, fate, clients: roster.size }, "Client disconnected");
  }

  /** A text client cannot be answered: what became of its message is for the log. */
  readonly publish: PublishText = async ({ peer, stream }, text) => {
    try {
      await this.#options.publisher.publish({ stream, publisher: ANONYMOUS, data: JSON.stringify(text) });
    } catch (thrown) {
      this.#options.log.warn({ peer, err: toError(thrown) }, "A client's message was not published");
    }
  };

  #tally({ protocol }: Connection): Tally {
    return this.#options.tallies.get(protocol) ?? new Tally();
  }
}
