import type { Cancel, Clock } from "../base/clock.js";

/** Notices a connection on which nothing is heard any more. */
export class Silence {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onSilent: (ms: number) => void;
  #heardAt: number;
  #cancel: Cancel;
  /** Set while the connection is in doubt; what is heard ends the doubt. */
  #doubted = false;

  /** @param onSilent called once, with the time in which nothing was heard, ms. */
  constructor(clock: Clock, limitMs: number, onSilent: (ms: number) => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onSilent = onSilent;
    this.#heardAt = clock.now();
    this.#cancel = this.#watch(limitMs);
  }

  /** Called for every frame, so it sets no timer. */
  heard(): void {
    this.#heardAt = this.#clock.now();
    this.#doubted = false;
  }

  /** Something has to be heard within `ms`. False when it is in doubt already. */
  doubt(ms: number): boolean {
    if (this.#doubted) return false;
    this.#doubted = true;
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => {
      if (this.#doubted) this.#onSilent(ms);
      else this.#look();
    });
    return true;
  }

  stop(): void {
    this.#cancel();
  }

  #watch(ms: number): Cancel {
    return this.#clock.after(ms, () => this.#look());
  }

  #look(): void {
    const silentMs = this.#clock.now() - this.#heardAt;
    if (silentMs >= this.#limitMs) this.#onSilent(this.#limitMs);
    else this.#cancel = this.#watch(this.#limitMs - silentMs);
  }
}
