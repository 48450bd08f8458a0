import type { Connection } from "./connection.js";
import type { Scale } from "./scale.js";
import type { Witness } from "./witness.js";

/** An item acked this long before a client was told SHUTDOWN was in the journal when its server began to go, ms. */
const CROSSING_MS = 1_000;

/**
 * Close codes of a server that goes away (RFC 6455 section 7.4.1; 1012 from the IANA registry), or that just ends
 * connections which nothing is wrong with: 1000, and 1005, which stands for none at all.
 */
const GOING = new Set([1000, 1001, 1005, 1012]);

/** How a connection ended. */
export interface Ending {
  readonly code?: number | undefined;
  readonly error?: string | undefined;
}

/** Judges how servers part with their clients: what they say first, and whether the client stands elsewhere by then. */
export class Goodbyes {
  readonly #witness: Witness;
  readonly #scale: Scale;

  constructor(witness: Witness, scale: Scale) {
    this.#witness = witness;
    this.#scale = scale;
  }

  /** The server's last word. */
  close(connection: Connection, at: number, others: boolean): void {
    const judged = this.#witness.goodbyesJudged;
    if (connection.toldAt === undefined) this.#cutShort(connection, at, "was told CLOSE, but never SHUTDOWN", judged);
    else if (this.#witness.client.protocol === "lastcall.v1") this.#notMade(connection, at, others, "was told `close`");
    else if (this.#witness.client.protocol === "text") this.#unflushed(connection, at, connection.toldAt);
  }

  /** It ended, and the server had not said its last word. */
  end(connection: Connection, at: number, others: boolean, { code, error }: Ending): void {
    const how = `was ended (${code ?? error ?? "FIN"})`;
    const { client, goodbyesJudged } = this.#witness;
    if (connection.toldAt !== undefined) {
      if (client.protocol === "lastcall.v1") this.#notMade(connection, at, others, how);
      else if (client.protocol === "text") this.#cutShort(connection, at, `${how} without CLOSE`, goodbyesJudged);
    } else if (code !== undefined && GOING.has(code) && client.protocol !== "adapter") {
      // A service that never says a word promises none: of text only what is lost judges.
      this.#cutShort(connection, at, `${how}, and never told SHUTDOWN`, goodbyesJudged && this.#witness.resumes);
    }
  }

  /** The client let go of it. */
  leave(connection: Connection, at: number, others: boolean): void {
    if (connection.toldAt !== undefined && this.#witness.client.protocol === "lastcall.v1") {
      this.#notMade(connection, at, others, "let go");
    }
  }

  #notMade(connection: Connection, at: number, others: boolean, how: string): void {
    if (others) return;
    const since = at - (connection.toldAt ?? at);
    const text = `${how} ${since.toFixed(0)} ms after \`shutdown\`, while it stood nowhere else`;
    this.#witness.fault("broken_before_made", at, connection, () => ({ text }), {
      judged: this.#witness.goodbyesJudged,
    });
  }

  #cutShort(connection: Connection, at: number, text: string, judged: boolean): void {
    this.#witness.fault("cut_short", at, connection, () => ({ text }), { judged });
  }

  /** Text has no cursor: it is owed everything up to CLOSE. */
  #unflushed(connection: Connection, at: number, toldAt: number): void {
    for (let chain = 0; chain < this.#scale.chains; chain += 1) {
      const last = connection.sequences[chain]?.last;
      const owed = this.#scale.ackedBy(chain, toldAt - CROSSING_MS) ?? -1;
      if (last === undefined || this.#scale.owed(chain, last + 1, owed) === 0) continue;
      const tell = () => ({
        item: this.#scale.name(chain, last + 1, owed),
        text: "was told CLOSE before it had everything: this came before SHUTDOWN",
      });
      this.#witness.fault("cut_short", at, connection, tell, { judged: this.#witness.goodbyesJudged });
    }
  }
}
