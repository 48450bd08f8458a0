import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/client.js";
import type { Id } from "../../src/protocol/ids.js";
import { http } from "./http.js";
import type { Owed } from "./ledger.js";
import { idOf } from "./tap.js";

/** Between an answer that did not come, or told to come back, and the next attempt, ms. */
const AGAIN_MS = 50;

/**
 * Publishes numbered items at a steady pace, whatever becomes of those before: every other one over the client library,
 * the others with `POST /items`, sent again until they are answered.
 */
export class NumberedPublisher {
  /** The id that each item's JSON was acked with. */
  readonly acked = new Map<string, Id>();
  /** Attempts of `POST /items` that failed. */
  failures = 0;
  /** Items that were in the journal when they were sent again: only the answer had been lost. */
  repeats = 0;
  readonly #url: URL;
  readonly #client: Client;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #timer: NodeJS.Timeout;
  readonly #pending = new Set<Promise<void>>();
  readonly #heads: { readonly at: number; readonly n: number }[] = [];
  #last = 0;
  #fault: unknown;
  #abandoned = false;

  constructor(url: URL, client: Client, everyMs: number) {
    this.#url = new URL("/items", url);
    this.#client = client;
    this.#timer = setInterval(() => void this.#publish(), everyMs);
  }

  /** Number of the last item that was published, or is about to be. */
  get last(): number {
    return this.#last;
  }

  /** The number in the journal that had been acked at that time. */
  readonly owed: Owed = (at) => this.#heads.findLast((head) => head.at <= at)?.n ?? 0;

  /** Publishes many at once; settles when one of them is acked, so that others are under way. */
  async burst(count: number): Promise<void> {
    await Promise.race(Array.from({ length: count }, () => this.#publish()));
  }

  /** Publishes nothing more, and waits for nothing. */
  abandon(): void {
    clearInterval(this.#timer);
    this.#abandoned = true;
    this.#agent.destroy();
  }

  /** Publishes nothing more; settles when all is acked. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    this.#agent.destroy();
    if (this.#fault !== undefined) throw this.#fault;
  }

  #publish(): Promise<void> {
    this.#last += 1;
    const item = { number: this.#last, by: this.#last % 2 === 0 ? "client" : "post" };
    const pending = this.#ack(item).then(
      () => void this.#pending.delete(pending),
      (thrown) => {
        this.#fault ??= thrown;
      },
    );
    this.#pending.add(pending);
    return pending;
  }

  async #ack(item: { readonly number: number; readonly by: string }): Promise<void> {
    const data = JSON.stringify(item);
    const id = await (item.by === "client" ? this.#client.publish(item) : this.#post(data, `post/${item.number}`));
    this.acked.set(data, id);
    const n = Number.parseInt(id, 10);
    if (n > (this.#heads.at(-1)?.n ?? 0)) this.#heads.push({ at: performance.now(), n });
  }

  async #post(body: string, key: string): Promise<Id> {
    while (!this.#abandoned) {
      const post = { method: "POST", headers: { "idempotency-key": key }, body, agent: this.#agent } as const;
      const answer = await http(this.#url, post).catch(() => undefined);
      if (answer?.status === 200) this.repeats += 1;
      if (answer?.status === 200 || answer?.status === 201) return idOf(JSON.parse(answer.body).id);
      if (answer !== undefined && answer.status !== 503)
        throw new Error(`POST ${key}: ${answer.status} ${answer.body}`);
      this.failures += 1;
      await sleep(AGAIN_MS);
    }
    throw new Error("abandoned");
  }
}
