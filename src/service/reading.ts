import { LastcallError } from "../base/errors.js";
import type { Described, Setting } from "./settings.js";

export type Env = Readonly<Record<string, string | undefined>>;

/** One fault of the environment; `received` is masked and quoted. */
export interface Fault {
  readonly variable: string;
  readonly expected: string;
  readonly received: string;
}

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
    const faulty = this.#faults.some(({ variable }) => variable === setting.variable || variable === other.variable);
    if (holds || faulty) return;
    this.#faults.push({ variable: setting.variable, expected, received: this.#received(setting) });
  }

  /** @throws LastcallError `invalid_settings`, one line for each fault; `detail.faults` holds them as data. */
  throwFaults(): void {
    const faults = this.#faults;
    if (faults.length === 0) return;
    const lines = faults.map(
      ({ variable, expected, received }) => `  ${variable}: expected ${expected}, got ${received}`,
    );
    const count = faults.length === 1 ? "1 setting is" : `${faults.length} settings are`;
    throw new LastcallError("invalid_settings", [`${count} not valid:`, ...lines].join("\n"), { detail: { faults } });
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
