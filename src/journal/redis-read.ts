import type { Position } from "../protocol/ids.js";
import { PAGE_BYTES } from "./cursor.js";
import type { JournalOptions, Page } from "./port.js";
import { toList, toPage } from "./redis-answers.js";
import type { Connection } from "./redis-connect.js";
import type { Keys } from "./redis-keys.js";
import { READ, SWEEP } from "./redis-script.js";

export interface Place {
  readonly stream: string;
  readonly position: Position;
}

/** Reads pages, each judged in the transaction that reads it. */
export class Reader {
  readonly keys: Keys;
  readonly #connection: Connection;
  readonly #options: JournalOptions;
  readonly #tag: () => string;
  #scan = "0";

  constructor(connection: Connection, keys: Keys, options: JournalOptions, tag: () => string) {
    this.#connection = connection;
    this.keys = keys;
    this.#options = options;
    this.#tag = tag;
  }

  async read(stream: string, position: Position, limit: number): Promise<Page> {
    const [answer] = await this.readAll([{ stream, position }], limit);
    return toPage(answer, this.#options.maxStreams);
  }

  /** A page for each place, in one transaction; `toPage` reads what each of them got. */
  async readAll(places: readonly Place[], limit: number): Promise<readonly unknown[]> {
    const { maxStreams } = this.#options;
    const answer = await this.#eval(
      READ,
      places.map(({ stream }) => this.keys.stream(stream)),
      [maxStreams, this.#tag(), limit, PAGE_BYTES, ...places.flatMap(({ stream, position }) => [stream, position])],
    );
    return toList(answer, maxStreams);
  }

  /** Ends the blocking read of a process: what it reads from has changed. */
  async ring(bell: string, n: number): Promise<void> {
    await this.#connection.callAll([
      ["XADD", [bell, "MAXLEN", 1, `${n}-0`, "r", ""]],
      ["PEXPIRE", [bell, 60_000]],
    ]);
  }

  async ping(): Promise<void> {
    await this.#connection.call("HLEN", [this.keys.streams]);
  }

  /** Trims by age, a hundred streams or so at a time, going round. */
  async sweep(): Promise<void> {
    const answer = await this.#connection.call("HSCAN", [this.keys.streams, this.#scan, "COUNT", 100]);
    const [next, fields] = toList(answer, this.#options.maxStreams);
    this.#scan = String(next);
    const names = toList(fields, this.#options.maxStreams)
      .filter((_, i) => i % 2 === 0)
      .map(String);
    if (names.length === 0) return;
    const streams = names.map((name) => this.keys.stream(name));
    await this.#eval(SWEEP, streams, [this.#tag(), this.#options.retentionMs, ...names]);
  }

  /** `EVAL`, not `EVALSHA`: a script that is not known where it arrives would let later ones pass. */
  #eval(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.call("EVAL", [script, keys.length + 1, this.keys.streams, ...keys, ...args]);
  }
}
