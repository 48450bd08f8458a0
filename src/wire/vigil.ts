import type { Outlet } from "./outlet.js";

/** Pings in a row that may stay unanswered. */
const MISSES_ALLOWED = 2;

/** Rounds, the first of them cut short, that make a whole interval of silence. */
const SILENT_ROUNDS = 3;

/**
 * Watches over one peer, in rounds of half an interval: one ping an interval, and half of it later a second one when the
 * first was not answered. So a peer that vanishes is noticed within two intervals, wherever in them it does.
 */
export class Vigil {
  #asked = false;
  #rested = true;
  #misses = 0;
  #sentBefore = 0;
  #silentRounds = 0;

  /** The peer gave a sign of life. */
  heard(): void {
    this.#asked = false;
    this.#misses = 0;
  }

  /** Something was said to it. */
  said(): void {
    this.#silentRounds = 0;
  }

  /** To be called twice an interval: whether nothing was said for a whole one, and something is to be said now. */
  silent(): boolean {
    this.#silentRounds += 1;
    if (this.#silentRounds < SILENT_ROUNDS) return false;
    // It is said at a round: the next interval is whole.
    this.#silentRounds = 1;
    return true;
  }

  /** From now on only what is heard next counts. */
  begin(): void {
    this.#misses = 0;
  }

  /** One round; false when the peer is gone. `deaf`: it is we who do not listen. */
  round(outlet: Outlet, deaf: boolean): boolean {
    // A peer that still takes bytes is alive, however far behind its pong may be; and whom we do not hear is not silent.
    const { sent, blocked } = outlet;
    if (blocked ? sent !== this.#sentBefore : deaf) this.heard();
    this.#sentBefore = sent;
    if (this.#asked) this.#misses += 1;
    if (this.#misses >= MISSES_ALLOWED) return false;
    if (!this.#asked && !this.#rested) {
      this.#rested = true;
      return true;
    }
    this.#rested = false;
    this.#asked = true;
    if (!blocked) outlet.ping();
    return true;
  }
}
