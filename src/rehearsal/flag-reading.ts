import { parseArgs } from "node:util";
import { LastcallError, toError } from "../base/errors.js";
import { printable, withoutCredentials } from "../base/printable.js";
import type { Flag } from "./flag.js";
import { GROUPS, OUTPUT, STAGE } from "./flags.js";

const LONGEST_SHOWN = 80;

/** What was given, by the options' names. */
type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

/**
 * What stands after `--` is a program and its arguments, which are not ours to read.
 * @throws LastcallError `invalid_request` for an option that there is not
 */
export function split(args: readonly string[]): { readonly values: Values; readonly program: readonly string[] } {
  const end = args.indexOf("--");
  const flags = GROUPS.flatMap((group) => group.flags);
  const options = Object.fromEntries(flags.map(({ name }) => [name, { type: "string" as const, multiple: true }]));
  try {
    const { values } = parseArgs({
      args: end < 0 ? [...args] : args.slice(0, end),
      options: { ...options, help: { type: "boolean", short: "h" } },
    });
    return { values, program: end < 0 ? [] : args.slice(end + 1) };
  } catch (thrown) {
    throw new LastcallError("invalid_request", toError(thrown).message, { cause: thrown });
  }
}

/** Reads options one by one and keeps every fault, so that they can be told together. */
export class Reading {
  readonly #values: Values;
  readonly #faults: string[] = [];

  constructor(values: Values) {
    this.#values = values;
  }

  has(flag: Flag<unknown>): boolean {
    return this.#texts(flag).length > 0;
  }

  /** The option's value; its default when it is not given, or wrong. */
  readonly get = <T>(flag: Flag<T>): T => {
    const given = this.#texts(flag);
    if (given.length === 0) return flag.unset;
    const value = flag.many || given.length === 1 ? flag.parse(given) : undefined;
    if (value !== undefined) return value;
    this.#fault(flag, given.length > 1 && !flag.many ? `${flag.form}, once` : flag.form);
    return flag.unset;
  };

  /** What an option has to keep to beside its form. */
  rule(holds: boolean, flag: Flag<unknown>, expected: string): void {
    if (!holds) this.#fault(flag, expected);
  }

  /** @throws LastcallError `invalid_request`, one line for each fault */
  throwFaults(): void {
    if (this.#faults.length === 0) return;
    throw new LastcallError("invalid_request", this.#faults.join("\n"));
  }

  /** All but those that have nothing to say here. */
  shown(but: Readonly<Record<string, Flag<unknown>>>, program: readonly string[]): Readonly<Record<string, string>> {
    const without = new Set<Flag<unknown>>([...Object.values(but), ...Object.values(OUTPUT)]);
    const flags = GROUPS.flatMap((group) => group.flags).filter((flag) => !without.has(flag));
    const entries = flags.map((flag) => [`--${flag.name}`, this.has(flag) ? this.#masked(flag) : flag.shown]);
    return Object.fromEntries(program.length > 0 ? [...entries, ["program", program.join(" ")]] : entries);
  }

  #fault(flag: Flag<unknown>, expected: string): void {
    this.#faults.push(`--${flag.name}: expected ${expected}, got ${this.#received(flag)}`);
  }

  #received(flag: Flag<unknown>): string {
    if (!this.has(flag)) return `its default (${flag.shown})`;
    const text = this.#masked(flag);
    return `"${printable(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text)}"`;
  }

  #masked(flag: Flag<unknown>): string {
    const texts = this.#texts(flag).map(withoutCredentials);
    // A setting may be a secret; its name is enough.
    return (flag === STAGE.env ? texts.map((one) => one.replace(/=.*/s, "=…")) : texts).join(",");
  }

  #texts({ name }: Flag<unknown>): readonly string[] {
    const given = this.#values[name];
    return [given ?? []].flat().filter((one) => typeof one === "string");
  }
}
