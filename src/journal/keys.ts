import { createHash } from "node:crypto";
import { LastcallError } from "../base/errors.js";
import type { Id } from "../protocol/ids.js";
import type { Publication } from "./port.js";

/** Data longer than this (UTF-16 units) is remembered by its digest, so that a key never pins a large item. */
const KEEP_LENGTH = 1024;

/** Keys learned in one life, at most; V8 ends a `Map` at 2^24 entries. */
export const MAX_KEYS = 16_000_000;

interface Known {
  readonly id: Id;
  readonly data: string;
  readonly until: number;
}

/** Keys by publisher. */
type Generation = Map<string, Map<string, Known>>;

/** What a key says of a publication: nobody used it, it was used with the same data, or with other data. */
export type Verdict =
  | { readonly type: "unknown" }
  | { readonly type: "same"; readonly id: Id }
  | { readonly type: "other"; readonly id: Id };

const UNKNOWN: Verdict = { type: "unknown" };

/**
 * The keys of one stream, each known for `lifeMs` after it was first used. They are kept in two generations of that
 * length, and forgotten a generation at a time: no key costs any work but its own look-up.
 */
export class KeyTable {
  readonly #lifeMs: number;
  #young: Generation = new Map();
  #old: Generation = new Map();
  #since = Number.NEGATIVE_INFINITY;
  /** Keys in the young generation. */
  #size = 0;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  /** Forgets what has expired, and throws `overloaded` when `count` more keys would not fit. */
  prepare(count: number, now: number): void {
    const age = now - this.#since;
    if (age >= this.#lifeMs) {
      this.#old = age < 2 * this.#lifeMs ? this.#young : new Map();
      this.#young = new Map();
      this.#since = now;
      this.#size = 0;
    }
    if (this.#size + count > MAX_KEYS) {
      throw new LastcallError("overloaded", "The stream holds too many idempotency keys; try again later.");
    }
  }

  judge({ publisher, key, data }: Publication, now: number): Verdict {
    const known = this.#young.get(publisher)?.get(key) ?? this.#old.get(publisher)?.get(key);
    if (known === undefined || now >= known.until) return UNKNOWN;
    return { type: known.data === fingerprint(data) ? "same" : "other", id: known.id };
  }

  /** Remembers the key of a publication that `judge` did not know. */
  learn({ publisher, key, data }: Publication, id: Id, now: number): void {
    let keys = this.#young.get(publisher);
    if (keys === undefined) {
      keys = new Map();
      this.#young.set(publisher, keys);
    }
    // A small integer, where it fits: V8 would box a fraction for each key.
    keys.set(key, { id, data: fingerprint(data), until: Math.ceil(now + this.#lifeMs) });
    this.#size += 1;
  }
}

/** Stands for the data when it is compared: itself, or a digest that no JSON text can equal. */
function fingerprint(data: string): string {
  return data.length <= KEEP_LENGTH ? data : `sha256:${createHash("sha256").update(data).digest("base64")}`;
}
