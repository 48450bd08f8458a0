import type { Cancel, Clock } from "../base/clock.js";
import { deferred } from "../base/deferred.js";
import { toError } from "../base/errors.js";
import { type BudgetSettings, fit, type Plan, planDrain } from "./budget.js";
import { type Cause, type DrainEvent, describe, type PhaseRecord, type Receipt } from "./events.js";
import { type Outcome, type Phase, type Stage, type Step, TRANSITIONS } from "./phases.js";
import type { DrainPorts } from "./ports.js";
import { makeReceipt } from "./receipt.js";
import { release } from "./release.js";
import { awaitQuiet } from "./window.js";

/** One drain as it runs. */
interface Run {
  readonly reason: string;
  readonly startedAt: number;
  readonly records: PhaseRecord[];
  readonly errors: Error[];
  readonly settled: Promise<Receipt>;
  finish(receipt: Receipt): void;
  cancelDeadline: Cancel;
  plan: Plan;
  finals: number;
}

type State =
  | { readonly stage: "serving" }
  | { readonly stage: Phase; readonly run: Run; readonly enteredAt: number; readonly abort: AbortController }
  | { readonly stage: "done"; readonly run: Run };

export interface DrainOptions {
  readonly clock: Clock;
  readonly budget: BudgetSettings;
  readonly ports: DrainPorts;
}

/**
 * Takes a serving process through the phases of a drain, once. It knows nothing of sockets, signals or frameworks: what
 * is to be done in a phase is asked of the ports, and everything that happens is told to the listeners.
 */
export class Drain {
  readonly #options: DrainOptions;
  readonly #listeners = new Set<(event: DrainEvent) => void>();
  #state: State = { stage: "serving" };

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get stage(): Stage {
    return this.#state.stage;
  }

  /** Tells `listener` everything that happens from now on, in order; the returned function ends that. */
  subscribe(listener: (event: DrainEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts the drain; the receipt comes when it is over, at the deadline at the latest. A second call joins the first. */
  start(cause: Cause): Promise<Receipt> {
    if (this.#state.stage !== "serving") return this.#state.run.settled;
    const { clock, budget } = this.#options;
    const planned = planDrain(budget, {
      afterPreStop: cause.type === "signal" && cause.signal === "SIGTERM",
      skipWindow: cause.type === "close" || (cause.type === "signal" && cause.signal === "SIGINT"),
    });
    // Nobody can scrape a server that is being closed.
    const plan = cause.type === "close" ? { ...planned, lingerMs: 0 } : planned;
    const receipt = deferred<Receipt>();
    const run: Run = {
      reason: describe(cause),
      startedAt: clock.now(),
      records: [],
      errors: cause.type === "error" ? [cause.error] : [],
      settled: receipt.promise,
      finish: receipt.resolve,
      // A linger that ends with the budget has only waited in vain: everything was done before it.
      cancelDeadline: clock.after(plan.totalMs, () => this.#step(this.stage === "linger" ? "expired" : "deadline")),
      plan,
      finals: 0,
    };
    this.#enter("window", run);
    return run.settled;
  }

  /** Notes an error met during the drain: the drain goes on, the exit code will be 1. */
  record(error: Error): void {
    if (this.#state.stage === "serving") return;
    this.#state.run.errors.push(error);
    this.#emit({ type: "error", error });
  }

  /** Leaves the current phase as the table says. */
  #step(step: Exclude<Step, "start">): void {
    const state = this.#state;
    if (state.stage === "serving" || state.stage === "done") return;
    const next = TRANSITIONS[state.stage][step];
    if (next === undefined) return;
    const { run, stage: phase } = state;
    const record: PhaseRecord = {
      phase,
      outcome: step === "deadline" ? "cut" : step,
      ms: this.#options.clock.now() - state.enteredAt,
    };
    run.records.push(record);
    state.abort.abort();
    this.#emit({ type: "phase_ended", ...record });
    const deadlineReached = step === "deadline";
    if (phase === "release") this.#emit({ type: "settled", receipt: this.#receipt(run, deadlineReached) });
    if (next === "done") this.#complete(run, deadlineReached);
    else if (next !== "serving") this.#enter(next, run);
  }

  #enter(phase: Phase, run: Run): void {
    const { clock } = this.#options;
    const abort = new AbortController();
    const state: State = { stage: phase, run, enteredAt: clock.now(), abort };
    this.#state = state;
    if (phase === "window") this.#emit({ type: "started", reason: run.reason, plan: run.plan });
    if (phase === "announce") run.plan = fit(run.plan, this.#left(run));
    const capMs = this.#cap(phase, run);
    this.#emit({ type: "phase_started", phase, capMs });
    const leave = (outcome: Outcome) => {
      cancel();
      if (this.#state === state) this.#step(outcome);
    };
    const cancel = clock.after(capMs, () => {
      // What an expired window, close, requests or linger means is told by their counts; these two leave work undone.
      if (phase === "finish" || phase === "release") this.record(new Error(`${phase} took longer than ${capMs} ms`));
      leave("expired");
    });
    abort.signal.addEventListener("abort", cancel, { once: true });
    if (isEmpty(phase, run.plan)) {
      leave("skipped");
      return;
    }
    this.#work(phase, run, abort.signal).then(
      () => leave("completed"),
      (thrown) => {
        if (this.#state !== state) return;
        this.record(toError(thrown));
        leave("failed");
      },
    );
  }

  async #work(phase: Phase, run: Run, signal: AbortSignal): Promise<void> {
    const { clock, ports } = this.#options;
    switch (phase) {
      case "window":
        return awaitQuiet(clock, ports.arrivals, run.plan.windowMinMs, signal);
      case "announce":
        return ports.clients.announce({ staggerMs: run.plan.staggerMs, closeMs: run.plan.closeMs });
      case "finish":
        try {
          run.finals = await ports.source.finish(signal);
        } finally {
          // Clients are served up to what the journal holds, whatever became of the source.
          await ports.clients.mark(signal);
        }
        return;
      case "close":
        return ports.clients.close(signal);
      case "requests":
        return ports.requests.settle(signal);
      case "release":
        return release(ports, signal);
      case "linger":
        return ports.figures.scraped(signal);
    }
  }

  /** How long a phase may take: what was planned, less whatever the phases before it overran. */
  #cap(phase: Phase, run: Run): number {
    const { plan } = run;
    const planned: Record<Phase, number> = {
      window: plan.windowMaxMs,
      announce: plan.totalMs,
      finish: plan.finishMs,
      close: plan.staggerMs + plan.closeMs,
      requests: plan.requestsMs,
      release: plan.releaseMs,
      linger: plan.lingerMs,
    };
    const reserved: number = phase === "linger" || phase === "release" ? 0 : plan.releaseMs + plan.lingerMs;
    return Math.max(0, Math.min(planned[phase], this.#left(run) - reserved));
  }

  #left(run: Run): number {
    return run.startedAt + run.plan.totalMs - this.#options.clock.now();
  }

  #complete(run: Run, deadlineReached: boolean): void {
    run.cancelDeadline();
    this.#state = { stage: "done", run };
    const receipt = this.#receipt(run, deadlineReached);
    this.#emit({ type: "completed", receipt });
    run.finish(receipt);
  }

  #receipt(run: Run, deadlineReached: boolean): Receipt {
    const { clock, ports } = this.#options;
    return makeReceipt(run, ports, clock.now() - run.startedAt, deadlineReached);
  }

  #emit(event: DrainEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (thrown) {
        // A listener that fails must not stop the drain; telling the others of it could go round in circles.
        if (this.#state.stage !== "serving") this.#state.run.errors.push(toError(thrown));
      }
    }
  }
}

function isEmpty(phase: Phase, plan: Plan): boolean {
  return (phase === "window" && plan.windowMaxMs === 0) || (phase === "linger" && plan.lingerMs === 0);
}
