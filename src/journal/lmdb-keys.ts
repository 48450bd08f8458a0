import type { Id } from "../protocol/ids.js";
import { decodeKey, encodeKey, type Facts, fingerprint, keyKey } from "./lmdb-records.js";
import type { Database } from "./lmdb-store.js";
import type { Publication } from "./port.js";

/** What a key says of a publication: nobody used it, it was used with the same data, or with other data. */
export type Verdict = { readonly type: "unknown" } | { readonly type: "same" | "other"; readonly id: Id };

const UNKNOWN: Verdict = { type: "unknown" };

/** A key that is to be written. */
interface Learned {
  readonly key: Buffer;
  readonly value: Buffer;
}

/**
 * The keys of all streams as one transaction sees them. They are kept in two databases, a young one that learns and an
 * old one; when nothing in the old one is alive any more it is emptied as a whole and the two change places, so no key
 * costs any work but its own look-up. What is learned is written by `write`.
 */
export class KeyBatch {
  readonly #databases: readonly [Database, Database];
  readonly #facts: Facts;
  readonly #lifeMs: number;
  readonly #epoch: number;
  readonly #turned: boolean;
  readonly #learned = new Map<string, Learned>();

  /** `facts` are the store's; `lifeMs` is how long a key lives; `epoch` is now. */
  constructor(databases: readonly [Database, Database], facts: Facts, lifeMs: number, epoch: number) {
    this.#databases = databases;
    this.#lifeMs = lifeMs;
    this.#epoch = epoch;
    // Processes may differ in how long they keep keys; the old ones were all learned before `since`.
    this.#turned = epoch - facts.since >= Math.max(facts.oldLifeMs, lifeMs);
    this.#facts = this.#turned
      ? { ...facts, young: facts.young === 0 ? 1 : 0, since: epoch, lifeMs, oldLifeMs: facts.lifeMs }
      : // A clock that was set back must not keep them until it has caught up.
        { ...facts, since: Math.min(facts.since, epoch), lifeMs: Math.max(facts.lifeMs, lifeMs) };
  }

  /** The facts as they are after this transaction. */
  get facts(): Facts {
    return this.#facts;
  }

  judge(no: number, publication: Publication): Verdict {
    const key = keyKey(no, publication);
    const value = this.#learned.get(key.toString("latin1"))?.value ?? this.#find(key);
    if (value === undefined) return UNKNOWN;
    const known = decodeKey(value);
    if (this.#epoch >= known.until) return UNKNOWN;
    return { type: known.fingerprint.equals(fingerprint(publication.data)) ? "same" : "other", id: known.id };
  }

  /** Remembers the key of a publication that `judge` did not know. */
  learn(no: number, publication: Publication, id: Id): void {
    const key = keyKey(no, publication);
    const value = encodeKey({ id, until: this.#epoch + this.#lifeMs, fingerprint: fingerprint(publication.data) });
    this.#learned.set(key.toString("latin1"), { key, value });
  }

  #find(key: Buffer): Uint8Array | undefined {
    const { young } = this.#facts;
    const old = this.#databases[young === 0 ? 1 : 0];
    // What the turn empties must not hide what is alive.
    return (this.#turned ? undefined : this.#databases[young].get(key)) ?? old.get(key);
  }

  write(): void {
    const young = this.#databases[this.#facts.young];
    if (this.#turned) void young.clearAsync();
    for (const { key, value } of this.#learned.values()) void young.put(key, value);
  }
}
