import { toError } from "../base/errors.js";
import type { Append, Committed } from "./batcher.js";
import type { Appended, JournalOptions } from "./port.js";
import { toAppended } from "./redis-answers.js";
import type { Connection } from "./redis-connect.js";
import { unavailable } from "./redis-errors.js";
import { fingerprint, type Keys } from "./redis-keys.js";
import { APPEND } from "./redis-script.js";

/** How long `WAIT` may take, ms. */
const WAIT_MS = 1_000;
/** How long what `check` writes is kept, ms. */
const PROBE_MS = 60_000;

type Command = readonly [command: string, args: readonly (string | number)[]];

/** Writes batches of appends, those of one stream with one script. */
export class Writer {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #options: JournalOptions;
  readonly #tag: () => string;

  constructor(connection: Connection, keys: Keys, options: JournalOptions, tag: () => string) {
    this.#connection = connection;
    this.#keys = keys;
    this.#options = options;
    this.#tag = tag;
  }

  /** One batch: what became of each append, in their order. */
  async commit(appends: readonly Append[]): Promise<readonly Committed[]> {
    const byStream = new Map<string, Append[]>();
    for (const append of appends) {
      const group = byStream.get(append.stream);
      if (group === undefined) byStream.set(append.stream, [append]);
      else group.push(append);
    }
    const committed = new Map<Append, Committed>();
    await Promise.all(
      [...byStream].map(async ([stream, group]) => {
        const answers = await this.#append(stream, group).catch(toError);
        let at = 0;
        for (const append of group) {
          const count = append.publications.length;
          committed.set(append, answers instanceof Error ? answers : answers.slice(at, at + count));
          at += count;
        }
      }),
    );
    return appends.map((append) => committed.get(append) ?? []);
  }

  /** Proves that the journal can be written to. */
  async probe(): Promise<void> {
    await this.#write(["SET", [this.#keys.probe, 1, "PX", PROBE_MS]]);
  }

  async #append(stream: string, group: readonly Append[]): Promise<readonly Appended[]> {
    const { maxStreams, keyTtlMs, retentionItems, redisWait } = this.#options;
    const publications = group.flatMap((append) => append.publications);
    const keys = publications.map((publication) => this.#keys.publication(stream, publication));
    const items = publications.flatMap(({ data }) => [this.#tag(), fingerprint(data), data]);
    const settings = [stream, maxStreams, this.#tag(), 2 * keyTtlMs, retentionItems, redisWait > 0 ? 1 : 0];
    const count = keys.length + 2;
    const args = [APPEND, count, this.#keys.streams, this.#keys.stream(stream), ...keys, ...settings, ...items];
    return toAppended(await this.#write(["EVAL", args]), maxStreams);
  }

  /** Sends one command, and waits for the replicas that `redisWait` asks for. */
  async #write(command: Command): Promise<unknown> {
    const { redisWait } = this.#options;
    if (redisWait === 0) return this.#connection.call(...command);
    const [answer, confirmed] = await this.#connection.callAll([command, ["WAIT", [redisWait, WAIT_MS]]]);
    if (Number(confirmed) < redisWait) {
      throw unavailable(`${confirmed} of ${redisWait} replicas confirmed within ${WAIT_MS} ms`);
    }
    return answer;
  }
}
