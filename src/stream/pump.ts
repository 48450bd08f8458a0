import type { FrameLog } from "./frame-log.js";
import type { Gap } from "./ports.js";

/** Sessions served in one turn of the event loop, so that reading, timers and other streams get theirs. */
const VISITS_PER_TURN = 64;

/** A session as the pump sees it: it takes what the log has for it, and says whether it stays. */
export interface Visited {
  /** Where the pump keeps it; the pump's own. */
  slot: number;
  visit(log: FrameLog): void;
  lost(gap: Omit<Gap, "after">): void;
}

/**
 * Visits live sessions in turn while the log has something for them. While one round goes on, items gather in the log,
 * so the next round's slices are larger: batching comes with load and goes with it.
 */
export class Pump {
  readonly #log: FrameLog;
  readonly #sessions: Visited[] = [];
  #next = 0;
  /** Sessions not visited since the last append. */
  #due = 0;
  #scheduled = false;

  constructor(log: FrameLog) {
    this.#log = log;
  }

  get size(): number {
    return this.#sessions.length;
  }

  /** Those who are live now. */
  sessions(): readonly Visited[] {
    return [...this.#sessions];
  }

  add(session: Visited): void {
    session.slot = this.#sessions.length;
    this.#sessions.push(session);
    // It may stand before those this round has still to visit.
    if (this.#due > 0) this.#due += 1;
  }

  remove(session: Visited): void {
    const last = this.#sessions.pop();
    if (last === undefined || last === session) return;
    this.#sessions[session.slot] = last;
    last.slot = session.slot;
    // The one that moved may be skipped by this round: go round once more.
    if (this.#due > 0) this.#due = this.#sessions.length;
  }

  /** There is something new. */
  wake(): void {
    this.#due = this.#sessions.length;
    if (this.#scheduled || this.#due === 0) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    for (let visits = 0; visits < VISITS_PER_TURN && this.#due > 0; visits += 1) {
      if (this.#next >= this.#sessions.length) this.#next = 0;
      const session = this.#sessions[this.#next];
      this.#next += 1;
      this.#due -= 1;
      session?.visit(this.#log);
    }
    if (this.#due > 0 && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#turn);
    }
  };
}
