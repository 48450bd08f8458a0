/** One option of the command line: what it takes, and what it is when it is not given. */
export interface Flag<T> {
  readonly name: string;
  /** What stands for its value in the help: `<n>`. */
  readonly value: string;
  readonly text: string;
  /** What it takes, with the bounds: `an integer from 1 to 50`. */
  readonly form: string;
  readonly unset: T;
  /** Its default, for people. */
  readonly shown: string;
  /** May be given several times. */
  readonly many: boolean;
  /** The value of all that was given (at least one), or `undefined` when it is not of the form. */
  parse(texts: readonly string[]): T | undefined;
}

/** The default of an option that has none. */
export const NONE = "none";

/** How an option is described beside its kind. */
export type About = Pick<Flag<unknown>, "name" | "text">;

export function integer(about: About, unset: number, min: number, max: number): Flag<number> {
  return {
    ...about,
    ...{ value: "<n>", form: `an integer from ${min} to ${max}`, unset, shown: String(unset), many: false },
    parse: ([text = ""]) => {
      const n = Number(text);
      return /^\d+$/.test(text) && n >= min && n <= max ? n : undefined;
    },
  };
}

export function amount(about: About, unset: number, max: number): Flag<number> {
  return {
    ...about,
    ...{ value: "<n>", form: `a number from 0 to ${max}`, unset, shown: String(unset), many: false },
    parse: ([text = ""]) => {
      const n = Number(text);
      return /^\d+(\.\d+)?$/.test(text) && n <= max ? n : undefined;
    },
  };
}

const UNITS: Readonly<Record<string, number>> = { "": 1_000, ms: 1, s: 1_000, m: 60_000 };

/** Seconds, or with a unit; in ms inside. */
export function time(about: About, unsetMs: number, maxMs: number): Flag<number> {
  return {
    ...about,
    ...{ value: "<time>", form: `a time up to ${maxMs / 1_000} s, such as 5, 1.5s, 500ms or 2m`, unset: unsetMs },
    ...{ shown: `${unsetMs / 1_000}s`, many: false },
    parse: ([text = ""]) => {
      const [, n, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
      const ms = n === undefined ? Number.NaN : Number(n) * (UNITS[unit] ?? Number.NaN);
      return ms <= maxMs ? ms : undefined;
    },
  };
}

/** Some of these words: separated by commas, or the option several times. */
export function words<const W extends string>(
  about: About,
  known: readonly W[],
  unset: readonly W[],
  shown: string,
): Flag<readonly W[]> {
  return {
    ...about,
    ...{ value: known.join("|"), form: `${known.join(", ")}, or several with commas`, unset, shown, many: true },
    parse: (texts) => {
      const given = texts.flatMap((text) => text.split(","));
      const found = given.flatMap((word) => known.find((one) => one === word) ?? []);
      return found.length === given.length ? found : undefined;
    },
  };
}

/** One of these words. */
export function word<const W extends string>(about: About, known: readonly W[], unset: W): Flag<W> {
  const parse = ([given = ""]: readonly string[]) => known.find((one) => one === given);
  return { ...about, value: known.join("|"), form: known.join(" or "), unset, shown: unset, many: false, parse };
}

/** A path on the service; two slashes at the beginning would make it another's. */
export function path(about: About, unset: string): Flag<string> {
  const parse = ([given = ""]: readonly string[]) => (/^\/(?!\/)[^#\s\\]*$/.test(given) ? given : undefined);
  return { ...about, value: "<path>", form: "a path that starts with one /", unset, shown: unset, many: false, parse };
}

/** A text that is all right when `accepts` says so. */
export function text(
  about: About & Pick<Flag<unknown>, "value" | "form">,
  accepts: (given: string) => boolean,
  shown: string = NONE,
): Flag<string | undefined> {
  const parse = ([given = ""]: readonly string[]) => (accepts(given) ? given : undefined);
  return { ...about, unset: undefined, shown, many: false, parse };
}

/** Texts, each of which must be all right. */
export function texts(
  about: About & Pick<Flag<unknown>, "value" | "form">,
  accepts: (given: string) => boolean,
): Flag<readonly string[]> {
  const parse = (given: readonly string[]) => (given.every(accepts) ? given : undefined);
  return { ...about, unset: [], shown: NONE, many: true, parse };
}
