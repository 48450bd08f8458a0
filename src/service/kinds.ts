/** What became of one value: read, or refused, with a hint where the mistake is a known one. */
export type Parsed<T> =
  | { readonly type: "value"; readonly value: T }
  | { readonly type: "refused"; readonly hint?: string };

/** How one kind of setting is read and shown. */
export interface Kind<T> {
  /** The values it takes, in the words of fault messages, `--help` and the README. */
  readonly form: string;
  readonly parse: (text: string) => Parsed<T>;
  readonly show: (value: T) => string;
  /** The value as it may be logged, where it can hold a secret. */
  readonly mask?: (text: string) => string;
}

const value = <T>(read: T): Parsed<T> => ({ type: "value", value: read });
const REFUSED: Parsed<never> = { type: "refused" };
const hint = (text: string): Parsed<never> => ({ type: "refused", hint: text });

const within = (number: number, min: number, max: number): Parsed<number> =>
  number >= min && number <= max ? value(number) : REFUSED;

/** A whole number in decimal digits, bounds included. */
export function integer(min: number, max: number): Kind<number> {
  return {
    form: `an integer from ${min} to ${max}`,
    parse: (text) => (/^\d+$/.test(text) ? within(Number(text), min, max) : REFUSED),
    show: String,
  };
}

/** Seconds as a plain decimal number, read as ms; bounds in seconds, included. Finer than 1 ms is refused, not rounded. */
export function seconds(min: number, max: number): Kind<number> {
  return {
    form: `seconds from ${min} to ${max}`,
    parse(text) {
      if (/^\d+\.\d{4,}$/.test(text)) return hint("three decimals at most");
      if (/^[\d.]+\s*[a-z]+$/i.test(text)) return hint("a number without its unit");
      if (!/^\d+(\.\d+)?$/.test(text)) return REFUSED;
      return within(Math.round(Number(text) * 1000), min * 1000, max * 1000);
    },
    show: (ms) => String(ms / 1000),
  };
}

/** A plain decimal number, bounds included. */
export function decimal(min: number, max: number): Kind<number> {
  return {
    form: `a number from ${min} to ${max}`,
    parse: (text) => (/^\d+(\.\d+)?$/.test(text) ? within(Number(text), min, max) : REFUSED),
    show: String,
  };
}

/** A TCP port; 0 lets the system choose. */
export const port: Kind<number> = {
  ...integer(0, 65_535),
  parse(text) {
    // https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    if (text.startsWith("tcp://")) return hint("Kubernetes sets this for a Service; use enableServiceLinks: false");
    return integer(0, 65_535).parse(text);
  },
};

export const boolean: Kind<boolean> = {
  form: "true or false",
  parse: (text) => (text === "true" || text === "false" ? value(text === "true") : REFUSED),
  show: String,
};

export function choice<T extends string>(choices: readonly T[]): Kind<T> {
  return {
    form: `one of ${choices.join(", ")}`,
    parse(text) {
      const chosen = choices.find((one) => one === text);
      return chosen === undefined ? REFUSED : value(chosen);
    },
    show: (chosen) => chosen,
  };
}

/** Text of which every character matches; `form` says which. */
function text(form: string, pattern: RegExp): Kind<string> {
  return { form, parse: (given) => (pattern.test(given) ? value(given) : REFUSED), show: (given) => given };
}

export const host = text("an IP address or a host name", /^[\w.:%-]+$/);
export const name = text("up to 253 printable ASCII characters without spaces", /^[!-~]{1,253}$/);
export const path = text("a file path", /^\P{Cc}+$/u);

/** A URL of any scheme: the schemes are judged where the URL is used. */
export const url: Kind<string> = {
  form: "a URL such as lmdb:./data",
  parse: (given) => (isUrl(given) ? value(given) : REFUSED),
  show: (given) => given,
  mask: maskUrl,
};

export const httpUrl: Kind<string> = {
  ...url,
  form: "an http:// or https:// URL",
  parse: (given) => (/^https?:\/\//i.test(given) && URL.canParse(given) ? value(given) : REFUSED),
};

/** `key=value,…`, percent-encoded where need be: https://opentelemetry.io/docs/specs/otel/resource/sdk/ */
export const pairs: Kind<Readonly<Record<string, string>>> = {
  form: "a list such as key=value,key=value",
  parse(given) {
    const read: Record<string, string> = {};
    try {
      for (const pair of given.split(",")) {
        const [, key, text] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
        if (key === undefined || text === undefined) return REFUSED;
        read[decodeURIComponent(key)] = decodeURIComponent(text);
      }
    } catch {
      return hint("a % that is no escape is written %25");
    }
    return value(read);
  },
  show: (read) =>
    Object.entries(read)
      .map((pair) => pair.map(encodeURIComponent).join("="))
      .join(","),
};

/** `kind`, or nothing: `unset` is what help shows then. */
export function optional<T>(kind: Kind<T>, unset: string): Kind<T | undefined> {
  return { ...kind, show: (given) => (given === undefined ? unset : kind.show(given)) };
}

/** `kind`, or a word that leaves the choice to the server. */
export function orWord<T>(word: string, kind: Kind<T>): Kind<T | undefined> {
  return {
    form: `${word} or ${kind.form}`,
    parse: (given) => (given === word ? value(undefined) : kind.parse(given)),
    show: (given) => (given === undefined ? word : kind.show(given)),
  };
}

/** With one host, as the standard has it, or several with commas between them, as those of clusters have. */
function isUrl(text: string): boolean {
  return URL.canParse(text) || URL.canParse(text.replace(/,[^@/?#]*(?=[/?#]|$)/, ""));
}

/**
 * A URL as it may be logged: without user, password, query and fragment. Of text that is no URL only the scheme is left,
 * because nobody can say where in it a password stands.
 */
export function maskUrl(given: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:(\/\/)?/i.exec(given)?.[0] ?? "";
  if (!isUrl(given)) return `${scheme}***`;
  return (
    scheme +
    given
      .slice(scheme.length)
      .replace(/^.*@/s, "***@")
      .replace(/[?#].*$/s, "?***")
  );
}
