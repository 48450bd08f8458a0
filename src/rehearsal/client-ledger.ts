import { type Connection, dialled } from "./connection.js";
import { Goodbyes } from "./goodbyes.js";
import { ItemsLedger } from "./items-ledger.js";
import type { Sighting } from "./record.js";
import type { Scale } from "./scale.js";
import type { Tally } from "./tally.js";
import { nameOf } from "./truth.js";
import type { Witness } from "./witness.js";

/** Network errors that mean: the other side dropped it. */
const RESETS = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED"]);
/** RFC 6455 section 7.1.5: no close frame came. */
const ABNORMAL = 1006;

/** When the service began to be rolled, and when the rehearsal ended, ms. */
export interface Span {
  readonly rolling: number;
  readonly to: number;
}

/** Goes through one client's sightings in the order they happened: counts, and names what is wrong. */
export class ClientLedger {
  readonly #witness: Witness;
  readonly #tally: Tally;
  readonly #span: Span;
  readonly #items: ItemsLedger;
  readonly #goodbyes: Goodbyes;
  readonly #connections: Connection[] = [];
  /** When the last one that stood was over, ms. */
  #overAt: number | undefined;
  #lastStood: Connection | undefined;

  constructor(witness: Witness, scale: Scale, tally: Tally, span: Span) {
    this.#witness = witness;
    this.#tally = tally;
    this.#span = span;
    this.#items = new ItemsLedger(witness, scale, tally);
    this.#goodbyes = new Goodbyes(witness, scale);
  }

  judge(): void {
    this.#tally.clients += 1;
    let toReplace: readonly Connection[] | undefined;
    for (const sighting of this.#witness.client.sightings) {
      if (sighting.at > this.#span.rolling) toReplace ??= this.#connections.filter(isUp);
      // Whatever ends from now on ends because all is over.
      if (sighting.at >= this.#span.to && (sighting.type === "leave" || sighting.type === "end")) continue;
      const connection = this.#connections[sighting.connection] ?? dialled(sighting.connection);
      this.#connections[sighting.connection] = connection;
      if (connection.stage !== "over") this.#see(connection, sighting);
    }
    for (const connection of this.#connections) this.#items.release(connection);
    const isStanding = this.#lastStood !== undefined && isUp(this.#lastStood);
    this.#items.finish(this.#lastStood, isStanding, this.#span.to);
    this.#tally.notReplaced += (toReplace ?? this.#connections).filter(isUp).length;
  }

  #see(connection: Connection, sighting: Sighting): void {
    const { at } = sighting;
    switch (sighting.type) {
      case "dial":
        return;
      case "refused":
        return void this.#refused(connection, at, String(sighting.status ?? sighting.error ?? "?"));
      case "open":
        connection.openedAt = at;
        connection.stage = "open";
        connection.replica = sighting.replica;
        if (connection.start === undefined) connection.before = this.#items.position();
        this.#tally.connections += 1;
        if (!this.#witness.resumes) this.#stands(connection, at);
        return;
      case "start":
        connection.before = this.#items.position(sighting.after);
        connection.start = { voids: connection.stage === "standing" && sighting.after !== undefined };
        return;
      case "hello":
        return void this.#hello(connection, sighting);
      case "item":
        if (connection.start?.voids) return;
        if (connection.stage === "standing") return void this.#items.take(connection, sighting);
        return void this.#outOfTurn(connection, at, "an item", nameOf(sighting.mark, sighting.id));
      case "gap":
        this.#tally.gapsTold += 1;
        this.#items.jump(connection, sighting.cursor);
        return void this.#witness.fault("gap", at, connection, () => ({
          text: `was told that what follows ${sighting.after} is ${sighting.reason}, and to go on after ${sighting.cursor}`,
        }));
      case "shutdown":
        if (connection.stage === "closing") this.#outOfTurn(connection, at, "SHUTDOWN");
        connection.toldAt ??= at;
        return;
      case "close":
        if (connection.stage === "closing") return void this.#outOfTurn(connection, at, "CLOSE");
        if (connection.stage === "standing") this.#goodbyes.close(connection, at, this.#standsBeside(connection));
        connection.stage = "closing";
        return;
      case "leave":
        if (connection.stage === "standing") this.#goodbyes.leave(connection, at, this.#standsBeside(connection));
        this.#tally.ended("left");
        return void this.#over(connection, at);
      case "end": {
        const { code, error } = sighting;
        if (connection.stage === "dialled") return void this.#refused(connection, at, String(code ?? error ?? "FIN"));
        if (connection.stage === "standing") {
          this.#goodbyes.end(connection, at, this.#standsBeside(connection), sighting);
        }
        if (code === ABNORMAL || (error !== undefined && RESETS.has(error))) this.#tally.reset += 1;
        this.#tally.ended(String(code ?? error ?? "FIN"));
        return void this.#over(connection, at);
      }
    }
  }

  #hello(connection: Connection, { at, cursor }: Extract<Sighting, { readonly type: "hello" }>): void {
    const { stage, start } = connection;
    if (stage === "closing" || (stage === "standing" && start === undefined)) {
      return void this.#outOfTurn(connection, at, "a hello");
    }
    this.#items.begin(connection, cursor);
    connection.start = undefined;
    if (stage !== "standing") this.#stands(connection, at);
  }

  #stands(connection: Connection, at: number): void {
    if (this.#lastStood !== undefined) {
      const waited = this.#isAnyUp(connection) ? 0 : at - (this.#overAt ?? at);
      this.#tally.reconnects.push(waited);
      this.#tally.arrivals.push(connection.openedAt);
    }
    connection.stage = "standing";
    this.#lastStood = connection;
  }

  #over(connection: Connection, at: number): void {
    if (connection.stage === "standing" || connection.stage === "closing") {
      this.#overAt = at;
      if (this.#standsBeside(connection)) this.#tally.handedOver += 1;
    }
    connection.stage = "over";
    this.#items.release(connection);
  }

  #refused(connection: Connection, at: number, why: string): void {
    connection.stage = "over";
    this.#tally.refused += 1;
    this.#tally.ended(`refused: ${why}`);
    this.#witness.fault("refused", at, connection, () => ({ text: `was refused: ${why}` }), { judged: false });
  }

  #outOfTurn(connection: Connection, at: number, what: string, item?: string): void {
    const when = connection.stage === "closing" ? "after the server's last word" : "before its hello";
    const text =
      connection.stage === "standing" ? `was given ${what} it had not asked for` : `was given ${what} ${when}`;
    this.#witness.fault("foreign", at, connection, () => ({ text, item }));
  }

  #standsBeside(connection: Connection): boolean {
    return this.#connections.some((other) => other !== connection && other.stage === "standing");
  }

  #isAnyUp(but: Connection): boolean {
    return this.#connections.some(
      (other) => other !== but && (other.stage === "standing" || other.stage === "closing"),
    );
  }
}

function isUp({ stage }: Connection): boolean {
  return stage === "open" || stage === "standing" || stage === "closing";
}
