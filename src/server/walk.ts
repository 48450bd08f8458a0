import type { Clock } from "../base/clock.js";
import type { Connection } from "../wire/connection.js";

/** Connections acted on in one turn of the event loop: their answers are read in between. */
const ACTS_PER_TURN = 512;

export interface Turn {
  readonly connection: Connection;
  /** Clock time of its slot. */
  readonly at: number;
}

/** Goes down a list that is ordered by time, and acts on each entry when it is due. One timer serves them all. */
export class Walk {
  readonly #clock: Clock;
  readonly #turns: readonly Turn[];
  readonly #dueAt: (turn: Turn) => number;
  readonly #act: (turn: Turn) => void;
  #next = 0;
  #waiting = false;
  #stopped = false;
  #cancel = () => {};

  constructor(clock: Clock, turns: readonly Turn[], dueAt: (turn: Turn) => number, act: (turn: Turn) => void) {
    this.#clock = clock;
    this.#turns = turns;
    this.#dueAt = dueAt;
    this.#act = act;
    this.go();
  }

  /** Goes on, if it had come to the end of the list. */
  go(): void {
    if (!this.#waiting) this.#step();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #step(): void {
    this.#waiting = false;
    for (let acts = 0; acts < ACTS_PER_TURN; acts += 1) {
      const turn = this.#turns[this.#next];
      if (turn === undefined || this.#stopped) return;
      const wait = this.#dueAt(turn) - this.#clock.now();
      if (wait > 0) {
        this.#waiting = true;
        this.#cancel = this.#clock.after(wait, () => this.#step());
        return;
      }
      this.#next += 1;
      this.#act(turn);
    }
    this.#waiting = true;
    const next = setImmediate(() => this.#step());
    this.#cancel = () => clearImmediate(next);
  }
}
