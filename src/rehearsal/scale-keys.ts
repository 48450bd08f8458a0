import type { Id } from "../protocol/ids.js";
import type { Mark } from "./record.js";
import { type Scale, UNPLACED } from "./scale.js";
import { nameOf } from "./truth.js";

/** Items of somebody else's, which an adapter numbers: a chain for each of its keys, of which only holes are known. */
export class KeyScale implements Scale {
  readonly #chains = new Map<string, number>();
  readonly #keys: string[] = [];

  get chains(): number {
    return this.#keys.length;
  }

  chainOf(mark: Mark | undefined): number {
    const key = mark?.publisher ?? "";
    const known = this.#chains.get(key);
    if (known !== undefined) return known;
    this.#chains.set(key, this.#keys.length);
    return this.#keys.push(key) - 1;
  }

  place(_id: Id | undefined, mark: Mark | undefined): number {
    return mark === undefined || mark.n < 0 ? UNPLACED : mark.n;
  }

  owed(_chain: number, from: number, to: number): number {
    return Math.max(0, to - from + 1);
  }

  name(chain: number, from: number): string {
    return nameOf({ publisher: this.#keys[chain] ?? "?", n: from }, undefined);
  }

  end(): undefined {}

  since(): undefined {}

  ackedBy(): undefined {}
}
