import { type Id, isId, numberOf } from "../protocol/ids.js";
import type { Connection } from "./connection.js";
import type { Sighting } from "./record.js";
import { FOREIGN, type Scale, UNPLACED } from "./scale.js";
import { type Hole, Sequence } from "./sequence.js";
import type { Tally } from "./tally.js";
import { nameOf } from "./truth.js";
import type { Witness } from "./witness.js";

type ItemSeen = Extract<Sighting, { readonly type: "item" }>;

/** After this time a text connection that stands gets what is published, whatever was under way when it came about, ms. */
const SETTLED_MS = 1_000;

/**
 * Judges a client's items: on each connection they come once and in order, from where it began; and so they do on all
 * of its connections together, where it has a cursor. What two connections give that stand at the same time is counted,
 * not judged.
 */
export class ItemsLedger {
  readonly #witness: Witness;
  readonly #scale: Scale;
  readonly #tally: Tally;
  /** All connections together, by chain. */
  readonly #client: (Sequence | undefined)[] = [];

  constructor(witness: Witness, scale: Scale, tally: Tally) {
    this.#witness = witness;
    this.#scale = scale;
    this.#tally = tally;
  }

  /**
   * How far the client is, by chain, when it asks for a connection. One that saw a hole, as the library does, asks for
   * what was missing and all that followed.
   */
  position(after?: string): readonly (number | undefined)[] {
    const asked = after !== undefined && isId(after) ? numberOf(after) : Number.POSITIVE_INFINITY;
    return this.#client.map(
      (sequence) => sequence && (sequence.holes.length > 0 ? Math.min(asked, sequence.last) : sequence.last),
    );
  }

  /** A connection begins after a cursor, or goes on after another one than before. */
  begin(connection: Connection, cursor: Id): void {
    const after = numberOf(cursor);
    if (connection.sequences[0]?.last === after) return;
    this.release(connection);
    connection.sequences[0] = new Sequence(after);
    this.#client[0] ??= new Sequence(after);
  }

  jump(connection: Connection, cursor: Id): void {
    connection.sequences[0]?.jump(numberOf(cursor));
    this.#client[0]?.jump(numberOf(cursor));
  }

  take(connection: Connection, seen: ItemSeen): void {
    const { id, mark, at } = seen;
    const n = this.#scale.place(id, mark);
    if (n === UNPLACED) return;
    this.#tally.items += 1;
    const item = () => nameOf(mark, id);
    if (n === FOREIGN) {
      const text = "was given what was never published, or stands elsewhere in the journal";
      return void this.#witness.fault("foreign", at, connection, () => ({ text, item: item() }));
    }
    const chain = this.#scale.chainOf(mark);
    connection.sequences[chain] ??= new Sequence(this.#first(connection, chain, n) - 1, true);
    const sequence = connection.sequences[chain];
    const { last } = sequence;
    const step = sequence.take(n, at);
    this.#client[chain] ??= new Sequence(last, true);
    const ofClient = this.#client[chain].take(n, at, step === "ahead" ? last + 1 : n);
    // Nobody waits for what was not acked, so it may come when it likes.
    if (step === "late" && this.#scale.owed(chain, n, n) === 0) return;
    const { onConnections, perClient } = this.#tally;
    if (step === "again") {
      onConnections.repeated += 1;
      perClient.repeated += 1;
      const text = "came again on the same connection, or lies before the cursor it began at";
      this.#witness.fault("repeated", at, connection, () => ({ text, item: item() }));
    } else if (step === "late") {
      onConnections.outOfOrder += 1;
      if (ofClient !== "again") perClient.outOfOrder += 1;
      const text = "came after a later one on the same connection";
      this.#witness.fault("out_of_order", at, connection, () => ({ text, item: item() }));
    } else if (ofClient === "again") {
      if (n <= (connection.before[chain] ?? -1)) this.#again(connection, at, item);
      else this.#tally.twice += 1;
    } else if (ofClient === "late" && this.#witness.resumes) {
      perClient.outOfOrder += 1;
      const text = "came on one connection after a later one on another";
      this.#witness.fault("out_of_order", at, connection, () => ({ text, item: item() }));
    }
  }

  /** A connection gives nothing more: what is missing in between is lost. */
  release(connection: Connection): void {
    for (const [chain, sequence] of connection.sequences.entries()) {
      for (const hole of sequence?.holes ?? []) {
        this.#tally.onConnections.lost += this.#lost(chain, hole, connection, "was missing when a later one came");
      }
      if (sequence) sequence.holes = [];
    }
  }

  /** Nothing more comes. `last`: the last connection that stood, and whether it still does. */
  finish(last: Connection | undefined, standing: boolean, at: number): void {
    if (last === undefined) {
      this.#tally.withoutSentinel += 1;
      return;
    }
    let isThere = true;
    for (let chain = 0; chain < this.#scale.chains; chain += 1) {
      const client = this.#client[chain];
      for (const hole of client?.holes ?? []) this.#missing(chain, hole, last);
      const end = this.#scale.end(chain);
      if (end === undefined || client?.has(end)) continue;
      isThere = false;
      this.#unfinished(chain, end, last, standing, at);
    }
    if (!isThere) this.#tally.withoutSentinel += 1;
  }

  /** The end was not reached. */
  #unfinished(chain: number, end: number, last: Connection, standing: boolean, at: number): void {
    const settled = this.#scale.since(chain, last.openedAt + SETTLED_MS) ?? end + 1;
    const from = (this.#client[chain]?.last ?? settled - 1) + 1;
    const hole = { from, to: end, at, known: false };
    const why = "never came: the client did not get to the end";
    if (this.#witness.resumes) this.#tally.perClient.lost += this.#lost(chain, hole, last, why);
    else if (!standing) this.#missing(chain, hole, last);
    else {
      // What passed before the last connection stood was missed; that one owes what came after.
      const owedFrom = last.sequences[chain] === undefined ? Math.max(from, settled) : from;
      this.#missing(chain, { ...hole, to: owedFrom - 1 }, last);
      const lost = this.#lost(chain, { ...hole, from: owedFrom }, last, why);
      this.#tally.onConnections.lost += lost;
      this.#tally.perClient.lost += lost;
    }
  }

  /** A hole in what all connections gave together. */
  #missing(chain: number, hole: Hole, last: Connection): void {
    if (hole.known) this.#tally.perClient.lost += this.#scale.owed(chain, hole.from, hole.to);
    else if (this.#witness.resumes) {
      this.#tally.perClient.lost += this.#lost(chain, hole, last, "never came: a later connection began after it");
    } else {
      this.#tally.missed += this.#lost(chain, hole, last, "passed while the client had no connection", false);
    }
  }

  #lost(chain: number, { from, to, at }: Hole, connection: Connection, why: string, judged = true): number {
    const items = this.#scale.owed(chain, from, to);
    if (items === 0) return 0;
    const tell = () => ({
      item: this.#scale.name(chain, from, to),
      text: items === 1 ? why : `${why} (${items} items, this is the first)`,
    });
    this.#witness.fault("lost", at, connection, tell, { judged, items });
    return items;
  }

  #again(connection: Connection, at: number, item: () => string): void {
    this.#tally.perClient.repeated += 1;
    const text = "came again on a later connection, though the client had it when it asked for that one";
    this.#witness.fault("repeated", at, connection, () => ({ text, item: item() }), { judged: this.#witness.resumes });
  }

  /** Where a connection without a cursor begins: at its first item, or before, where it had stood for long. */
  #first(connection: Connection, chain: number, n: number): number {
    if (this.#witness.client.protocol !== "text") return n;
    return Math.min(n, this.#scale.since(chain, connection.openedAt + SETTLED_MS) ?? n);
  }
}
