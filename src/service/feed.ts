import { randomUUID } from "node:crypto";
import type { Cancel, Clock } from "../base/clock.js";
import { LastcallError, toError } from "../base/errors.js";
import type { Source } from "../drain/ports.js";
import { DEFAULT_STREAM } from "../protocol/ids.js";
import type { Log } from "../server/log.js";
import type { Publisher } from "../server/publisher.js";

/** Who the service itself publishes as. */
const PUBLISHER = "service";
const FINALS_MAX = 10;

export interface FeedOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Length of a time slot, ms; 0 turns the feed off, finals and all. */
  readonly intervalMs: number;
  /** Last items on a drain. Default: 1 to 10, drawn. */
  readonly finalItems?: number | undefined;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
}

/**
 * The demo source. It is one feed however many replicas run it: an item is keyed by its time slot, so whoever comes
 * second finds it published.
 */
export class DemoFeed implements Source {
  readonly #publisher: Publisher;
  readonly #options: FeedOptions;
  readonly #id = randomUUID();
  #cancel: Cancel = () => {};
  #stopped = false;
  #last: Promise<void> = Promise.resolve();

  constructor(publisher: Publisher, options: FeedOptions) {
    this.#publisher = publisher;
    this.#options = options;
  }

  start(): void {
    const { clock, intervalMs } = this.#options;
    if (intervalMs === 0 || this.#stopped) return;
    const slot = (Math.floor(clock.epoch() / intervalMs) + 1) * intervalMs;
    this.#cancel = clock.after(slot - clock.epoch(), () => {
      this.#last = this.#publish(slot);
      this.start();
    });
  }

  async finish(signal: AbortSignal): Promise<number> {
    this.#stopped = true;
    this.#cancel();
    const { clock, intervalMs, finalItems, random, log } = this.#options;
    if (intervalMs === 0) return 0;
    await this.#last;
    const count = finalItems ?? 1 + Math.floor(random() * FINALS_MAX);
    const time = timeOfDay(clock.epoch());
    const finals = Array.from({ length: count }, (_, i) => ({
      stream: DEFAULT_STREAM,
      publisher: PUBLISHER,
      key: `final/${this.#id}/${i + 1}`,
      data: JSON.stringify(`Final data: ${time} - ${i + 1}`),
    }));
    const results = await this.#publisher.publishAll(finals, signal);
    const reused = results.filter(({ type }) => type === "key_reused").length;
    if (reused > 0) throw new LastcallError("key_reused", `${reused} of ${count} last items: the key was used before`);
    log.info({ items: count }, "Last items published");
    return count;
  }

  async #publish(slot: number): Promise<void> {
    try {
      await this.#publisher.publish({
        stream: DEFAULT_STREAM,
        publisher: PUBLISHER,
        key: `feed/${slot}`,
        data: JSON.stringify(`Business data: ${timeOfDay(slot)}`),
      });
    } catch (thrown) {
      this.#options.log.warn({ err: toError(thrown), slot }, "An item of the feed could not be published");
    }
  }
}

/** HH:MM:SS, UTC. */
function timeOfDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(11, 19);
}
