import { type Cancel, type Clock, sleep } from "../base/clock.js";
import { toError } from "../base/errors.js";

export const NOT_READY_REASONS = ["starting", "shutting_down", "dependencies_unavailable"] as const;

export type NotReadyReason = (typeof NOT_READY_REASONS)[number];

/** What each dependency said last: `ok`, or why not. */
export type Checks = Readonly<Record<string, string>>;

export type ReadyState =
  | { readonly status: "ready" }
  | { readonly status: "not_ready"; readonly reason: NotReadyReason; readonly checks: Checks };

export type Check = (signal: AbortSignal) => Promise<void>;

export interface ReadinessOptions {
  readonly clock: Clock;
  readonly checks: Readonly<Record<string, Check>>;
  /** How long a dependency lost after the first ready is overlooked, ms. */
  readonly graceMs: number;
  readonly draining: () => boolean;
  /** A dependency's state has changed. */
  readonly onChange?: (name: string, state: string) => void;
}

/** Between two looks at the dependencies, and the time one look may take, ms. */
const INTERVAL_MS = 2_000;
const TIMEOUT_MS = 2_000;

interface Health {
  state: string;
  /** Clock time since when it fails; undefined while it does not. */
  failingSince: number | undefined;
}

/**
 * Whether new clients should be sent here. Dependencies are looked at in the background: asking costs nothing and never
 * waits for them.
 */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #health = new Map<string, Health>();
  readonly #stop = new AbortController();
  #looked = false;
  #firstLook: Promise<void> | undefined;
  #wasReady = false;

  constructor(options: ReadinessOptions) {
    this.#options = options;
    for (const name of Object.keys(options.checks)) {
      this.#health.set(name, { state: "not checked yet", failingSince: options.clock.now() });
    }
  }

  /** Ready at least once: from then on there may be somebody to drain. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** The port is open; looks at the dependencies from now on. Resolves after the first look. A second call joins it. */
  listening(): Promise<void> {
    this.#firstLook ??= this.#begin();
    return this.#firstLook;
  }

  stop(): void {
    this.#stop.abort();
  }

  state(): ReadyState {
    if (this.#options.draining()) return this.#notReady("shutting_down");
    if (!this.#looked) return this.#notReady("starting");
    const now = this.#options.clock.now();
    const graceMs = this.#wasReady ? this.#options.graceMs : 0;
    for (const { failingSince } of this.#health.values()) {
      if (failingSince !== undefined && now - failingSince >= graceMs)
        return this.#notReady("dependencies_unavailable");
    }
    this.#wasReady = true;
    return { status: "ready" };
  }

  /** Each dependency, and whether it answered when it was last looked at. */
  dependencies(): readonly (readonly [name: string, up: boolean])[] {
    return [...this.#health].map(([name, { failingSince }]) => [name, failingSince === undefined]);
  }

  async #begin(): Promise<void> {
    await this.#look();
    this.#looked = true;
    this.state();
    void this.#keepLooking();
  }

  #notReady(reason: NotReadyReason): ReadyState {
    const checks = Object.fromEntries([...this.#health].map(([name, { state }]) => [name, state]));
    return { status: "not_ready", reason, checks };
  }

  async #keepLooking(): Promise<void> {
    while (await sleep(this.#options.clock, INTERVAL_MS, this.#stop.signal)) {
      await this.#look();
      // The first ready may come while nobody asks.
      this.state();
    }
  }

  async #look(): Promise<void> {
    const entries = Object.entries(this.#options.checks);
    await Promise.all(entries.map(([name, check]) => this.#lookAt(name, check)));
  }

  async #lookAt(name: string, check: Check): Promise<void> {
    const { clock, onChange } = this.#options;
    const health = this.#health.get(name);
    if (health === undefined) return;
    const state = await outcome(check, clock);
    if (this.#stop.signal.aborted) return;
    if (state === "ok") health.failingSince = undefined;
    else health.failingSince ??= clock.now();
    if (state === health.state) return;
    health.state = state;
    onChange?.(name, state);
  }
}

/** `ok`, or why not; never rejects, never takes longer than its time. */
function outcome(check: Check, clock: Clock): Promise<string> {
  const abort = new AbortController();
  let cancel: Cancel = () => {};
  const timeout = new Promise<string>((resolve) => {
    cancel = clock.after(TIMEOUT_MS, () => {
      abort.abort();
      resolve(`no answer within ${TIMEOUT_MS} ms`);
    });
  });
  // Called inside a promise: a check that throws is a fault like one that rejects.
  const answer = Promise.resolve(abort.signal)
    .then(check)
    .then(
      () => "ok",
      (thrown) => toError(thrown).message,
    );
  return Promise.race([answer, timeout]).finally(cancel);
}
