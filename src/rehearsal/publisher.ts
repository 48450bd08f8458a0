import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { type Signal, sleep } from "../base/clock.js";
import { isId } from "../protocol/ids.js";
import type { Context } from "./context.js";
import { codeOf, type HttpAnswer, http } from "./http.js";
import { dataOf, parsed } from "./marks.js";
import type { Mark, Published } from "./record.js";

/** Before an item is sent again, ms: half of it to all of it. */
const AGAIN_MS = 100;
/** One attempt, ms. */
const TIMEOUT_MS = 5_000;
/** What is asked for in vain is not asked for again: the service says that it is ours to change. */
const FINAL = new Set([400, 401, 403, 404, 405, 409, 413, 415, 422]);

export interface PublisherOptions {
  /** `p1`. */
  readonly name: string;
  readonly run: string;
  /** Where items are POSTed. */
  readonly url: URL;
  /** Between two items by the schedule, ms. */
  readonly everyMs: number;
  /** When the first one is due, ms of the rehearsal. */
  readonly firstAt: number;
  readonly padBytes: number;
}

type Sent = Published["outcome"];

/**
 * Publishes its items one after the other: due on a fixed schedule, which goes on while an answer is awaited ("open
 * loop"), and sent again with the same key until it is answered.
 */
export class Publisher {
  readonly published: Published[] = [];
  readonly #context: Context;
  readonly #options: PublisherOptions;
  readonly #agent: Agent;
  #last = 0;
  #acks = 0;

  constructor(context: Context, options: PublisherOptions) {
    this.#context = context;
    this.#options = options;
    this.#agent =
      options.url.protocol === "https:" ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  }

  get acked(): number {
    return this.#acks;
  }

  /** Publishes by the schedule until `stop` aborts; what is under way then is settled, unless `signal` aborts. */
  async run(stop: Signal, signal: AbortSignal): Promise<void> {
    const { clock, now, trouble } = this.#context;
    const { firstAt, everyMs, name } = this.#options;
    for (let dueAt = firstAt; !stop.aborted; dueAt += everyMs) {
      if (!(await sleep(clock, dueAt - now(), stop))) return;
      const { outcome } = await this.#publish(dueAt, false, signal);
      if (signal.aborted) return;
      if (outcome.type === "unacked") return trouble(`${name} cannot publish: ${outcome.why}`);
    }
  }

  /** One more, due at once, for everybody to wait for; nothing when it could not be published. */
  async sentinel(signal: AbortSignal): Promise<Mark | undefined> {
    const { publisher, n, outcome } = await this.#publish(this.#context.now(), true, signal);
    return outcome.type === "acked" ? { publisher, n } : undefined;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #publish(dueAt: number, sentinel: boolean, signal: AbortSignal): Promise<Published> {
    const { now, clock } = this.#context;
    const { name, run, padBytes } = this.#options;
    this.#last += 1;
    const mark = { publisher: name, n: this.#last };
    const sentAt = now();
    const data = dataOf(run, mark, { at: clock.epoch(), sentinel, padBytes });
    const { attempts, outcome } = await this.#untilAnswered(data, `${run}/${name}/${mark.n}`, signal);
    const published: Published = { ...mark, dueAt, sentAt, attempts, outcome };
    this.published.push(published);
    return published;
  }

  async #untilAnswered(body: string, key: string, signal: AbortSignal) {
    const { clock, random } = this.#context;
    let why = "interrupted";
    for (let attempts = 1; ; attempts += 1) {
      const answer = await this.#post(body, key, signal).catch(codeOf);
      if (typeof answer !== "string") {
        if (answer.status >= 200 && answer.status < 300) return { attempts, outcome: this.#acked(answer) };
        why = `${answer.status} ${answer.body.slice(0, 200)}`;
        if (FINAL.has(answer.status)) return { attempts, outcome: unacked(why) };
      } else if (!signal.aborted) why = answer;
      if (!(await sleep(clock, (AGAIN_MS / 2) * (1 + random()), signal))) return { attempts, outcome: unacked(why) };
    }
  }

  #post(body: string, key: string, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = { "idempotency-key": key };
    return http(
      this.#options.url,
      { method: "POST", headers, body, agent: this.#agent, timeoutMs: TIMEOUT_MS },
      signal,
    );
  }

  #acked({ status, body }: HttpAnswer): Sent {
    const { id }: { readonly id?: unknown } = Object(parsed(body));
    this.#acks += 1;
    const known = typeof id === "string" && isId(id);
    return { type: "acked", at: this.#context.now(), id: known ? id : undefined, known: known && status === 200 };
  }
}

function unacked(why: string): Sent {
  return { type: "unacked", why };
}
