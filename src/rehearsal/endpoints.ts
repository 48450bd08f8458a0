import type { Cancel } from "../base/clock.js";
import type { Balancer } from "./balancer.js";
import type { Context } from "./context.js";
import type { Replica } from "./replica.js";

/**
 * Who is sent newcomers, as the balancer hears of it: `lagMs` later than it is so, which is how long the cluster takes to
 * pass it on.
 */
export class Endpoints {
  readonly #context: Context;
  readonly #balancer: Balancer;
  readonly #lagMs: number;
  readonly #cancels = new Set<Cancel>();

  constructor(context: Context, balancer: Balancer, lagMs: number) {
    this.#context = context;
    this.#balancer = balancer;
    this.#lagMs = lagMs;
  }

  add(replica: Replica, port: number, lagMs = this.#lagMs): void {
    this.#later(lagMs, () => {
      // It may be on its way out by now.
      if (replica.state !== "ready") return;
      this.#balancer.add({ name: replica.name, port });
      replica.life.removedAt = undefined;
    });
  }

  remove(replica: Replica): void {
    this.#later(this.#lagMs, () => {
      if (!this.#balancer.has(replica.name)) return;
      this.#balancer.remove(replica.name);
      replica.life.removedAt = this.#context.now();
    });
  }

  /** Nothing changes any more. */
  close(): void {
    for (const cancel of this.#cancels) cancel();
  }

  #later(ms: number, callback: () => void): void {
    const cancel = this.#context.clock.after(ms, () => {
      this.#cancels.delete(cancel);
      callback();
    });
    this.#cancels.add(cancel);
  }
}
