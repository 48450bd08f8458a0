import type { Cancel, Clock } from "../base/clock.js";

/** Barks once when nothing was heard for `ms`. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #bark: () => void;
  #heardAt: number;
  #cancel: Cancel;

  constructor(clock: Clock, ms: number, bark: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#bark = bark;
    this.#heardAt = clock.now();
    this.#cancel = clock.after(ms, () => this.#look());
  }

  /** Something was heard; cheap, as it is called for every frame. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const left = this.#heardAt + this.#ms - this.#clock.now();
    if (left > 0) this.#cancel = this.#clock.after(left, () => this.#look());
    else this.#bark();
  }
}
