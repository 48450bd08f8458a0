import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { type Signal, sleep } from "../base/clock.js";
import type { Context } from "./context.js";
import { codeOf, http } from "./http.js";
import { hasFailed, type RequestRecord } from "./record.js";

/** Connections that are kept; several, so that more than one replica has some of them. */
const KEPT = 4;
const TIMEOUT_MS = 10_000;

export interface RequestsOptions {
  readonly url: URL;
  /** Per second. */
  readonly rate: number;
}

/**
 * Plain HTTP requests at a fixed rate, whatever becomes of those before; every other one on a connection of its own, the
 * others in turn on a few that are kept alive. Nothing is sent again: a service that drains well fails none.
 */
export class Requests {
  readonly records: RequestRecord[] = [];
  failed = 0;
  readonly #context: Context;
  readonly #options: RequestsOptions;
  readonly #kept: readonly Agent[];
  readonly #pending = new Set<Promise<void>>();

  constructor(context: Context, options: RequestsOptions) {
    this.#context = context;
    this.#options = options;
    // One connection each: requests that wait for it count from when they were due.
    const one = { keepAlive: true, maxSockets: 1 };
    const secure = options.url.protocol === "https:";
    this.#kept = Array.from({ length: KEPT }, () => (secure ? new SecureAgent(one) : new Agent(one)));
  }

  /** Sends until `stop` aborts, and settles when the last one is answered; those under way are dropped when `signal` aborts. */
  async run(stop: Signal, signal: AbortSignal): Promise<void> {
    const { clock, now } = this.#context;
    const everyMs = 1_000 / this.#options.rate;
    let dueAt = now();
    for (let i = 0; await sleep(clock, dueAt - now(), stop); i += 1) {
      const pending = this.#ask(i, dueAt, signal).finally(() => this.#pending.delete(pending));
      this.#pending.add(pending);
      dueAt += everyMs;
    }
    await Promise.all(this.#pending);
  }

  close(): void {
    for (const agent of this.#kept) agent.destroy();
  }

  async #ask(i: number, at: number, signal: AbortSignal): Promise<void> {
    const kind = i % 2 === 0 ? "kept" : "fresh";
    const agent = kind === "kept" ? this.#kept[(i / 2) % KEPT] : undefined;
    const outcome = await http(this.#options.url, { agent, timeoutMs: TIMEOUT_MS }, signal).then(
      ({ status }) => status,
      codeOf,
    );
    // Dropped by us: nothing is known of it.
    if (signal.aborted) return;
    this.records.push({ at, kind, ms: this.#context.now() - at, outcome });
    if (hasFailed(outcome)) this.failed += 1;
  }
}
