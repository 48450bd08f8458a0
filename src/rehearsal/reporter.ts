import type { Cancel } from "../base/clock.js";
import type { Context } from "./context.js";
import type { Progress, Sample, Step } from "./progress-port.js";

const SAMPLE_MS = 250;

/** Tells whoever watches how it stands, again and again. */
export class Reporter {
  round = 0;
  readonly #context: Context;
  readonly #progress: Progress;
  readonly #look: () => Omit<Sample, "at" | "step" | "round">;
  #step: Step = "starting";
  #cancel: Cancel = () => {};

  constructor(context: Context, progress: Progress, look: () => Omit<Sample, "at" | "step" | "round">) {
    this.#context = context;
    this.#progress = progress;
    this.#look = look;
    this.#sample();
  }

  enter(step: Step, text: string): void {
    this.#step = step;
    this.#progress.step(step, text);
  }

  stop(): void {
    this.#cancel();
  }

  #sample(): void {
    const { clock, now } = this.#context;
    this.#progress.sample({ at: now(), step: this.#step, round: this.round, ...this.#look() });
    this.#cancel = clock.after(SAMPLE_MS, () => this.#sample());
  }
}
