import type { Clock } from "../base/clock.js";
import { aborted } from "../base/clock.js";
import type { Announcement, Clients, ClientsNow } from "../drain/ports.js";
import type { Connection, Fate, Marks } from "../wire/connection.js";
import type { Roster } from "./roster.js";
import { type Turn, Walk } from "./walk.js";

export interface LeaveOptions {
  readonly roster: Roster;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** How far each stream is to be served. */
  readonly heads: (signal: AbortSignal) => Promise<Marks>;
}

/**
 * How clients leave: everyone is told at once, everyone has a slot of its own, and nobody waits for another.
 */
export class Leave implements Clients {
  readonly #options: LeaveOptions;
  /** Those we close, each in its slot, and those who go in theirs and are closed only when their time is over. */
  readonly #closed: Turn[] = [];
  readonly #leaving: Turn[] = [];
  readonly #counts = {
    told: 0,
    flushed: 0,
    handedOver: 0,
    left: 0,
    cut: 0,
    gone: 0,
    echoed: 0,
    unanswered: 0,
    items: 0,
  };
  #announcement: { readonly at: number; readonly terms: Announcement } | undefined;
  #marks: Promise<Marks> | undefined;
  #walks: readonly Walk[] = [];

  constructor(options: LeaveOptions) {
    this.#options = options;
  }

  get announced(): boolean {
    return this.#announcement !== undefined;
  }

  announce(terms: Announcement): void {
    const { clock, roster, random } = this.#options;
    const at = clock.now();
    this.#announcement = { at, terms };
    const connections = [...roster];
    for (const [i, connection] of connections.entries()) {
      // Spread evenly, with jitter inside each one's own share of the time.
      this.#tell(connection, at, (terms.staggerMs * (i + random())) / connections.length, terms);
    }
  }

  /** Somebody came on an old connection after the announcement: they are told at once, and leave last. */
  welcome(connection: Connection): void {
    if (this.#announcement === undefined) return;
    const { at, terms } = this.#announcement;
    this.#tell(connection, at, terms.staggerMs, terms);
    for (const walk of this.#walks) walk.go();
  }

  async mark(signal: AbortSignal): Promise<void> {
    await this.#fix(signal);
  }

  async close(signal: AbortSignal): Promise<void> {
    if (this.#announcement === undefined) return;
    const { closeMs } = this.#announcement.terms;
    signal.addEventListener("abort", () => this.#cutAll(), { once: true });
    const marks = await this.#marksWithin(closeMs / 2, signal);
    if (signal.aborted) return;
    const { clock, roster } = this.#options;
    const startedAt = clock.now();
    const abort = aborted(signal);
    // Each when it is its turn, and cut when its own time is over; turns that have passed count from now.
    const walks = (turns: readonly Turn[], forMs: number) => [
      new Walk(
        clock,
        turns,
        (turn) => turn.at,
        (turn) => turn.connection.end(marks),
      ),
      new Walk(
        clock,
        turns,
        (turn) => Math.max(turn.at, startedAt) + forMs,
        (turn) => turn.connection.terminate(),
      ),
    ];
    this.#walks = [...walks(this.#closed, closeMs), ...walks(this.#leaving, closeMs / 2)];
    await Promise.race([roster.emptied(), abort.promise]);
    abort.stop();
    for (const walk of this.#walks) walk.stop();
  }

  report(): ClientsNow {
    const { roster } = this.#options;
    let resumable = 0;
    for (const connection of roster) if (connection.resumable) resumable += 1;
    return { ...this.#counts, open: roster.size, resumable };
  }

  wrote(items: number): void {
    if (this.announced) this.#counts.items += items;
  }

  flushed(): void {
    if (this.announced) this.#counts.flushed += 1;
  }

  ended(fate: Fate, echoed: boolean): void {
    if (!this.announced) return;
    if (echoed) this.#counts.echoed += 1;
    if (fate === "handed_over") this.#counts.handedOver += 1;
    // The other two are of those who were being ended before the drain came to them.
    else if (fate === "silent" || fate === "lost" || fate === "slow") this.#counts.gone += 1;
    else this.#counts[fate] += 1;
  }

  /** Asks how far the streams are to be served, once: whoever comes before the answer waits for the same one. */
  #fix(signal: AbortSignal): Promise<Marks> {
    if (this.#marks === undefined) {
      const marks = this.#options.heads(signal);
      this.#marks = marks;
      marks.catch(() => {
        this.#marks = undefined;
      });
    }
    return this.#marks;
  }

  /** The marks; where nobody has asked for them, because the source did not finish, there is not much time left to. */
  async #marksWithin(ms: number, signal: AbortSignal): Promise<Marks> {
    const enough = new AbortController();
    const cancel = this.#options.clock.after(ms, () => enough.abort());
    try {
      return await this.#fix(AbortSignal.any([signal, enough.signal]));
    } finally {
      cancel();
    }
  }

  #tell(connection: Connection, at: number, slotMs: number, terms: Announcement): void {
    // Half of the time to close is left for those who have not gone by then.
    const closesInMs = terms.staggerMs + terms.closeMs / 2;
    const passed = this.#options.clock.now() - at;
    const left = (ms: number) => Math.max(0, ms - passed);
    if (connection.announce(left(slotMs), left(closesInMs))) this.#counts.told += 1;
    if (connection.leavesByItself) this.#leaving.push({ connection, at: at + closesInMs });
    else this.#closed.push({ connection, at: at + slotMs });
  }

  #cutAll(): void {
    for (const connection of this.#options.roster) connection.terminate();
  }
}
