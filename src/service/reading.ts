import { LastcallError } from "../base/errors.js";
import type { Described, Setting } from "./setting.js";

export type Env = Readonly<Record<string, string | undefined>>;

/** One fault of the environment; `received` is masked and quoted. */
export interface Fault {
  readonly variable: string;
  readonly expected: string;
  readonly received: string;
  /** More than fits on a line; told below all of them. */
  readonly note?: string;
}

/** What a judgement found wrong; without `received`, what the variable holds is shown. */
export type Refusal = Pick<Fault, "expected" | "note"> & Partial<Pick<Fault, "received">>;

const LONGEST_SHOWN = 80;

/** Reads settings one by one and keeps every fault, so that they can be told together. */
export class Reading {
  readonly #env: Env;
  readonly #faults: Fault[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  /** The setting's value; its default when the variable is unset, blank or faulty. */
  get<T>(setting: Setting<T>): T {
    const text = this.#text(setting);
    if (text === "") return setting.unset;
    const parsed = setting.kind.parse(text);
    if (parsed.type === "value") return parsed.value;
    const { variable, form } = setting;
    const expected = parsed.hint === undefined ? form : `${form} (${parsed.hint})`;
    this.#faults.push({ variable, expected, received: this.#received(setting) });
    return setting.unset;
  }

  /** A rule between two settings; not judged when one of them is faulty already. */
  rule(holds: boolean, setting: Described, other: Described, expected: string): void {
    this.judge(setting, [other], () => (holds ? undefined : { expected }));
  }

  /** What others say of the setting; they are not asked when it, or one of those it is judged with, is faulty already. */
  judge(setting: Described, others: readonly Described[], judgement: () => Refusal | undefined): void {
    const involved = [setting, ...others].map(({ variable }) => variable);
    if (this.#faults.some(({ variable }) => involved.includes(variable))) return;
    const refusal = judgement();
    if (refusal === undefined) return;
    this.#faults.push({ variable: setting.variable, received: this.#received(setting), ...refusal });
  }

  /**
   * @throws LastcallError `invalid_settings`, one line for each fault, then their notes; `detail.faults` holds them as
   * data.
   */
  throwFaults(): void {
    const faults = this.#faults;
    if (faults.length === 0) return;
    const lines = faults.map(
      ({ variable, expected, received }) => `  ${variable}: expected ${expected}, got ${received}`,
    );
    const notes = faults.flatMap(({ note }) => note ?? []);
    const count = faults.length === 1 ? "1 setting is" : `${faults.length} settings are`;
    throw new LastcallError("invalid_settings", [`${count} not valid:`, ...lines, ...notes].join("\n"), {
      detail: { faults },
    });
  }

  #text(setting: Described): string {
    return (this.#env[setting.variable] ?? "").trim();
  }

  #received(setting: Described): string {
    const text = this.#text(setting);
    if (text === "") return `its default (${setting.shown})`;
    const masked = setting.mask(text);
    return JSON.stringify(masked.length > LONGEST_SHOWN ? `${masked.slice(0, LONGEST_SHOWN)}…` : masked);
  }
}
