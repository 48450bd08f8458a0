import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Drain } from "../../src/drain/engine.js";
import type { Cause, DrainEvent, Receipt } from "../../src/drain/events.js";
import { PHASES, type Phase, reached, type Stage, type Step, TRANSITIONS } from "../../src/drain/phases.js";
import { ManualClock } from "../support/manual-clock.js";
import { anyCause, anyScript, fittingSettings } from "./arbitraries.js";
import { scriptedPorts } from "./scripted-ports.js";

/** What may happen from outside while a drain goes on. */
type Happening =
  | { readonly type: "time"; readonly ms: number }
  | { readonly type: "arrival" }
  | { readonly type: "error" }
  | { readonly type: "start"; readonly cause: Cause };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("time" as const), ms: fc.nat({ max: 20_000 }) }) },
  { weight: 2, arbitrary: fc.constant({ type: "arrival" } as const) },
  { weight: 1, arbitrary: fc.constant({ type: "error" } as const) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("start" as const), cause: anyCause }) },
);

/** Holds the events of a drain against the table while they come. */
class Observer {
  readonly #drain: Drain;
  readonly #now: () => number;
  /** The stage the drain must be in by the table. */
  #stage: Stage = "serving";
  #running: { readonly phase: Phase; readonly at: number; readonly capMs: number } | undefined;
  readonly walked: Phase[] = [];
  started: { readonly totalMs: number; readonly at: number } | undefined;
  completed: { readonly receipt: Receipt; readonly at: number } | undefined;
  /** The drain survives a listener that throws, so what was found wrong is kept here. */
  readonly faults: unknown[] = [];

  constructor(drain: Drain, now: () => number) {
    this.#drain = drain;
    this.#now = now;
    drain.subscribe((event) => {
      try {
        this.#see(event);
      } catch (fault) {
        this.faults.push(fault);
      }
    });
  }

  #see(event: DrainEvent): void {
    // What is recorded when all is over is still told, and changes nothing.
    if (event.type !== "error") assert.equal(this.completed, undefined, `${event.type} after completed`);
    switch (event.type) {
      case "started":
        assert.equal(this.started, undefined, "started twice");
        this.started = { totalMs: event.plan.totalMs, at: this.#now() };
        this.#take("start");
        return;
      case "phase_started":
        assert.equal(this.#running, undefined, `${event.phase} began inside of ${this.#running?.phase}`);
        assert.deepEqual([event.phase, this.#drain.stage], [this.#stage, this.#stage]);
        assert.ok(event.capMs >= 0);
        this.walked.push(event.phase);
        this.#running = { phase: event.phase, at: this.#now(), capMs: event.capMs };
        return;
      case "phase_ended":
        assert.ok(this.#running, `${event.phase} ended without having begun`);
        assert.deepEqual([event.phase, event.ms], [this.#running.phase, this.#now() - this.#running.at]);
        assert.ok(event.ms <= this.#running.capMs || event.outcome === "cut", `${event.phase} passed its cap`);
        this.#running = undefined;
        this.#take(event.outcome === "cut" ? "deadline" : event.outcome);
        return;
      case "settled":
        assert.equal(this.walked.at(-1), "release");
        return;
      case "error":
        return;
      case "completed":
        assert.equal(this.#running, undefined, `completed inside of ${this.#running?.phase}`);
        assert.deepEqual([this.#stage, this.#drain.stage], ["done", "done"]);
        this.completed = { receipt: event.receipt, at: this.#now() };
    }
  }

  #take(step: Step): void {
    const next = TRANSITIONS[this.#stage][step];
    assert.ok(next, `${step} leads out of the table at ${this.#stage}`);
    this.#stage = next;
  }
}

test("whatever ports and world do, a drain keeps to the table and to its budget, and says what it was", async () => {
  await fc.assert(
    fc.asyncProperty(
      fittingSettings,
      anyScript,
      anyCause,
      fc.array(happening, { maxLength: 12 }),
      async (budget, script, cause, happenings) => {
        const clock = new ManualClock();
        const { ports, world } = scriptedPorts(clock, script);
        const drain = new Drain({ clock, budget, ports });
        const observer = new Observer(drain, () => clock.now());
        const receipts = [drain.start(cause)];
        for (const what of happenings) {
          if (what.type === "time") await clock.advance(what.ms);
          else if (what.type === "arrival") world.arrivedAt = clock.now();
          else if (what.type === "error") drain.record(new Error("met on the way"));
          else receipts.push(drain.start(what.cause));
        }
        const { started } = observer;
        assert.ok(started);
        await clock.advance(Math.max(0, started.at + started.totalMs - clock.now()));

        for (const fault of observer.faults) throw fault;
        const { completed } = observer;
        assert.ok(completed, `still in ${drain.stage} when the budget was spent`);
        assert.ok(completed.at - started.at <= started.totalMs);
        for (const receipt of receipts) assert.equal(await receipt, completed.receipt);

        const { receipt } = completed;
        assert.deepEqual(observer.walked, PHASES.slice(0, observer.walked.length));
        assert.deepEqual(
          receipt.phases.map(({ phase }) => phase),
          observer.walked,
        );
        assert.equal(receipt.deadlineReached, receipt.phases.at(-1)?.outcome === "cut");
        if (!receipt.deadlineReached) assert.deepEqual(observer.walked, [...PHASES]);
        assert.equal(
          receipt.phases.reduce((total, { ms }) => total + ms, 0),
          receipt.durationMs,
        );
        assert.equal(receipt.durationMs + receipt.budgetLeftMs, started.totalMs);
        const cut = receipt.clients.cut + receipt.requests.cut + receipt.publishes.cut;
        const clean = cut === 0 && !receipt.deadlineReached && receipt.errors.length === 0;
        assert.equal(receipt.exitCode, clean ? 0 : 1, JSON.stringify(receipt));
        assert.equal(receipt.outcome === "clean", clean);
        // Nothing of the drain is left to go off: the timers there are belong to ports that took too long.
        assert.equal(clock.pending.length, world.timers);
      },
    ),
    { numRuns: 400 },
  );
});

test("the table is a line: every phase leads to the next however it ends, and the deadline to the end", () => {
  const stages: readonly Stage[] = [...PHASES, "done"];
  for (const [i, phase] of PHASES.entries()) {
    const next = stages[i + 1];
    assert.deepEqual(TRANSITIONS[phase], {
      completed: next,
      expired: next,
      failed: next,
      skipped: next,
      deadline: "done",
    });
  }
  assert.deepEqual([TRANSITIONS.serving, TRANSITIONS.done], [{ start: "window" }, {}]);
});

test("a stage has reached the phases up to its own", () => {
  const all = ["serving", ...PHASES, "done"] as const;
  for (const [i, stage] of all.entries()) {
    for (const [k, phase] of PHASES.entries()) assert.equal(reached(stage, phase), i >= k + 1, `${stage}, ${phase}`);
  }
});
