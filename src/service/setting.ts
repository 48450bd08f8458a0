import type { Kind } from "./kinds.js";

/** One setting as help and README describe it. */
export interface Described {
  /** The environment variable. */
  readonly variable: string;
  /** The values it takes. */
  readonly form: string;
  /** Its default, as it would be written. */
  readonly shown: string;
  /** What it does, in one line. */
  readonly text: string;
  /** A value given for it, as it may be logged. */
  readonly mask: (given: string) => string;
}

/** One setting as the parser reads it. */
export interface Setting<T> extends Described {
  readonly kind: Kind<T>;
  readonly unset: T;
}

/** A setting of this kind; `unset` is its default. */
export function setting<T>(variable: string, kind: Kind<T>, unset: NoInfer<T>, text: string): Setting<T> {
  const { form, mask = (given: string) => given } = kind;
  return { variable, kind, unset, text, form, mask, shown: kind.show(unset) };
}
