import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BUDGET_DEFAULTS, type BudgetSettings } from "../../src/drain/budget.js";
import { Drain } from "../../src/drain/engine.js";
import type { Cause, DrainEvent } from "../../src/drain/events.js";
import { PHASES, type Phase } from "../../src/drain/phases.js";
import { ManualClock } from "../support/manual-clock.js";
import { type Behaviour, FINALS, type Script, SMOOTH, scriptedPorts } from "./scripted-ports.js";

const SIGTERM: Cause = { type: "signal", signal: "SIGTERM" };
const SIGINT: Cause = { type: "signal", signal: "SIGINT" };
const HANGS: Behaviour = { type: "hangs" };
const fails = (ms = 0): Behaviour => ({ type: "fails", ms, heeds: false });
const takes = (ms: number): Behaviour => ({ type: "settles", ms, heeds: false });

/** A drain in a scripted world, and all it tells. */
function world(script: Partial<Script> = {}, budget: Partial<BudgetSettings> = {}) {
  const clock = new ManualClock();
  const scripted = scriptedPorts(clock, { ...SMOOTH, ...script });
  const drain = new Drain({ clock, budget: { ...BUDGET_DEFAULTS, ...budget }, ports: scripted.ports });
  const events: DrainEvent[] = [];
  drain.subscribe((event) => events.push(event));
  const outcomes = () =>
    Object.fromEntries(events.flatMap((event) => (event.type === "phase_ended" ? [[event.phase, event.outcome]] : [])));
  const duration = (phase: Phase) =>
    events.flatMap((event) => (event.type === "phase_ended" && event.phase === phase ? [event.ms] : []))[0];
  const cap = (phase: Phase) =>
    events.flatMap((event) => (event.type === "phase_started" && event.phase === phase ? [event.capMs] : []))[0];
  return { clock, drain, events, outcomes, duration, cap, ...scripted };
}

/** Starts the drain and lets all its time pass. */
async function run(it: ReturnType<typeof world>, cause: Cause = SIGTERM) {
  const receipt = it.drain.start(cause);
  await it.clock.advance(200_000);
  return receipt;
}

describe("the window", () => {
  test("lasts W - P after SIGTERM, when nobody arrives", async () => {
    const it = world({}, { preStopMs: 2_000 });
    await run(it);
    assert.equal(it.duration("window"), 3_000);
    assert.deepEqual(it.outcomes()["window"], "completed");
  });

  test("lasts no time after SIGTERM when preStop has slept all of W", async () => {
    const it = world({}, { preStopMs: 5_000 });
    await run(it);
    assert.equal(it.duration("window"), 0);
  });

  test("lasts W after an uncaught error, whatever preStop would have slept", async () => {
    const it = world({}, { preStopMs: 2_000 });
    await run(it, { type: "error", error: new Error("boom") });
    assert.equal(it.duration("window"), 5_000);
  });

  test("goes on until 1 s has passed since the last arrival", async () => {
    const it = world();
    const receipt = it.drain.start(SIGTERM);
    for (const at of [3_000, 4_800, 5_700, 6_699]) {
      await it.clock.advance(at - it.clock.now());
      it.world.arrivedAt = it.clock.now();
    }
    await it.clock.advance(999);
    assert.equal(it.drain.stage, "window");
    await it.clock.advance(1);
    assert.notEqual(it.drain.stage, "window");
    await it.clock.advance(50_000);
    await receipt;
    assert.deepEqual([it.duration("window"), it.outcomes()["window"]], [7_699, "completed"]);
  });

  test("counts an arrival shortly before the signal", async () => {
    const it = world({}, { preStopMs: 5_000 });
    it.world.arrivedAt = -400;
    await run(it);
    assert.equal(it.duration("window"), 600);
  });

  test("is not shortened by an arrival long ago", async () => {
    const it = world();
    it.world.arrivedAt = -400;
    await run(it);
    assert.equal(it.duration("window"), 5_000);
  });

  test("ends at Wmax - P, and at Wmax without preStop, while people still arrive", async () => {
    for (const [cause, ms] of [
      [SIGTERM, 13_000],
      [{ type: "request" }, 15_000],
    ] as const) {
      const it = world({}, { preStopMs: 2_000 });
      const receipt = it.drain.start(cause);
      for (let i = 0; i < 200; i += 1) {
        it.world.arrivedAt = it.clock.now();
        await it.clock.advance(100);
      }
      await it.clock.advance(50_000);
      assert.equal((await receipt).exitCode, 0);
      assert.deepEqual([it.duration("window"), it.outcomes()["window"]], [ms, "expired"]);
    }
  });

  test("is skipped when Wmax is 0, on SIGINT, and when the server is being closed", async () => {
    for (const [budget, cause] of [
      [{ removalMaxMs: 0 }, SIGTERM],
      [{}, SIGINT],
      [{}, { type: "close" }],
    ] as const) {
      const it = world({}, budget);
      it.world.arrivedAt = 0;
      const receipt = await run(it, cause);
      assert.deepEqual([it.outcomes()["window"], receipt.durationMs], ["skipped", 0]);
    }
  });
});

describe("a drain without trouble", () => {
  test("asks every port in order, tells every phase, and is clean", async () => {
    const it = world({ clients: { told: 2, flushed: 2, left: 2 } }, { lingerMs: 1_000 });
    const drained = it.drain.start(SIGTERM);
    // The window and no longer: nothing may be left to go off when all is done.
    await it.clock.advance(5_000);
    const receipt = await drained;
    assert.deepEqual(it.calls, [
      "announce",
      "finish",
      "mark",
      "close",
      "requests",
      "publishes",
      "closable 0",
      "closable 1",
      "figures",
    ]);
    const told = PHASES.flatMap((phase) => [`phase_started ${phase}`, `phase_ended ${phase}`]);
    assert.deepEqual(
      it.events.map((event) => ("phase" in event ? `${event.type} ${event.phase}` : event.type)),
      ["started", ...told.slice(0, -2), "settled", ...told.slice(-2), "completed"],
    );
    assert.deepEqual(
      [receipt.reason, receipt.outcome, receipt.exitCode, receipt.finals, receipt.clients.left, receipt.errors],
      ["SIGTERM", "clean", 0, FINALS, 2, []],
    );
    assert.deepEqual(it.clock.pending, []);
  });

  test("tells its stage from its first event on", () => {
    const it = world();
    const stages: string[] = [];
    it.drain.subscribe(() => stages.push(it.drain.stage));
    void it.drain.start(SIGTERM);
    assert.deepEqual(stages, ["window", "window"]);
  });

  test("is the same drain for a listener that starts it again", async () => {
    const it = world();
    const again: unknown[] = [];
    it.drain.subscribe(({ type }) => {
      if (type === "started") again.push(it.drain.start(SIGINT));
    });
    const first = it.drain.start(SIGTERM);
    assert.deepEqual(again, [first]);
    await it.clock.advance(50_000);
    assert.equal((await first).reason, "SIGTERM");
  });

  test("tells a listener nothing after it was taken off", async () => {
    const it = world();
    let heard = 0;
    const stop = it.drain.subscribe(() => {
      heard += 1;
    });
    stop();
    await run(it);
    assert.equal(heard, 0);
  });
});

describe("time that gives way", () => {
  // 5 s each for finish, close and release, 10 s for requests: 25 s are firm, stagger and linger add 5 s and 4 s.
  const budget = { timeoutMs: 49_000, lingerMs: 4_000 };

  test("stagger and linger stay whole while there is time", async () => {
    const it = world({}, budget);
    await run(it);
    assert.deepEqual(it.world.announcements, [{ staggerMs: 5_000, closeMs: 5_000 }]);
    assert.equal(it.cap("linger"), 4_000);
  });

  test("the stagger gives way first, then the linger; nothing else does", async () => {
    const shown = [];
    for (const timeoutMs of [37_000, 34_000, 32_000, 20_000]) {
      const it = world({}, { ...budget, timeoutMs });
      await run(it);
      const { staggerMs } = { staggerMs: -1, ...it.world.announcements[0] };
      shown.push([staggerMs, it.cap("linger"), it.cap("release")]);
    }
    // After a window of 5 s, 32 s, 29 s, 27 s and 15 s are left.
    assert.deepEqual(shown, [
      [3_000, 4_000, 5_000],
      [0, 4_000, 5_000],
      [0, 2_000, 5_000],
      [0, 0, 5_000],
    ]);
  });

  test("release and linger are reserved: no phase before them may use their time", async () => {
    // 20 s for what needs 25 s: it is the requests that are short of them.
    const it = world({ finish: HANGS, close: HANGS, requests: HANGS }, { ...budget, timeoutMs: 20_000 });
    await run(it, SIGINT);
    assert.deepEqual([it.cap("requests"), it.cap("release"), it.cap("linger")], [5_000, 5_000, 0]);
    assert.equal(it.outcomes()["release"], "completed");
  });
});

describe("work that goes wrong", () => {
  test("a source that fails still fixes the mark, and clients are closed", async () => {
    for (const finish of [fails(10), { type: "throws" }] as const) {
      const it = world({ finish });
      const receipt = await run(it);
      assert.deepEqual(it.calls.slice(0, 4), ["announce", "finish", "mark", "close"]);
      assert.equal(it.outcomes()["finish"], "failed");
      assert.deepEqual([receipt.outcome, receipt.exitCode, receipt.finals], ["failed", 1, 0]);
      assert.equal(receipt.errors.length, 1);
    }
  });

  test("a source that hangs is left behind at its cap; clients are closed", async () => {
    const it = world({ finish: HANGS });
    const receipt = await run(it);
    assert.deepEqual([it.outcomes()["finish"], it.outcomes()["close"]], ["expired", "completed"]);
    assert.equal(it.duration("finish"), 5_000);
    assert.deepEqual([receipt.exitCode, receipt.errors], [1, ["finish took longer than 5000 ms"]]);
    assert.equal(it.signals.get("finish")?.aborted, true);
  });

  test("work that ends after its cap, well or badly, changes nothing", async () => {
    for (const close of [takes(11_000), fails(11_000)]) {
      const it = world({ close, requests: takes(3_000) });
      const receipt = await run(it);
      assert.deepEqual([it.outcomes()["close"], it.outcomes()["requests"]], ["expired", "completed"]);
      assert.deepEqual([it.duration("close"), it.duration("requests")], [10_000, 3_000]);
      assert.deepEqual([receipt.exitCode, receipt.errors], [0, []]);
    }
  });

  test("every phase can fail, and the next one is entered all the same", async () => {
    const bad = fails();
    const it = world(
      { announce: bad, finish: bad, close: bad, requests: bad, publishes: bad, figures: bad },
      { lingerMs: 1_000 },
    );
    const receipt = await run(it);
    const { window: _, ...others } = it.outcomes();
    assert.deepEqual(Object.values(others), Array(6).fill("failed"));
    assert.deepEqual([receipt.outcome, receipt.exitCode, receipt.errors.length], ["failed", 1, 6]);
  });

  test("what fails to be closed keeps nothing after it from being closed", async () => {
    const it = world({ publishes: fails(), closables: [fails(), { type: "throws" }, takes(0)] });
    const receipt = await run(it);
    assert.deepEqual(it.calls.slice(-4), ["publishes", "closable 0", "closable 1", "closable 2"]);
    assert.deepEqual(receipt.errors, ["publishes failed; closable 0 failed; closable 1 threw"]);
  });

  test("what hangs while it is closed is left behind at the cap, and nothing is closed after it", async () => {
    const it = world({ closables: [{ type: "settles", ms: 9_000, heeds: true }, takes(0)] });
    const receipt = await run(it);
    assert.deepEqual([it.outcomes()["release"], it.duration("release")], ["expired", 5_000]);
    assert.deepEqual(receipt.errors, ["release took longer than 5000 ms"]);
    assert.ok(!it.calls.includes("closable 1"));
  });

  test("what was cut is counted and told in the exit code", async () => {
    for (const script of [{ clients: { cut: 1 } }, { openRequests: 1 }, { pendingPublishes: 1 }]) {
      const receipt = await run(world(script));
      assert.deepEqual([receipt.outcome, receipt.exitCode, receipt.deadlineReached], ["cut", 1, false]);
      assert.equal(receipt.clients.cut + receipt.requests.cut + receipt.publishes.cut, 1);
    }
  });

  test("who was handed over or did not answer was not cut", async () => {
    const receipt = await run(world({ clients: { told: 5, handedOver: 2, unanswered: 2, gone: 1 } }));
    assert.deepEqual([receipt.outcome, receipt.exitCode], ["clean", 0]);
  });

  test("an error recorded on the way is told, and the drain goes on to exit 1", async () => {
    const it = world();
    const receipt = it.drain.start(SIGTERM);
    await it.clock.advance(100);
    const error = new Error("met on the way");
    it.drain.record(error);
    assert.deepEqual(it.events.at(-1), { type: "error", error });
    await it.clock.advance(50_000);
    assert.deepEqual([(await receipt).outcome, (await receipt).errors], ["failed", ["met on the way"]]);
  });

  test("the error that set it off is in the receipt; one met while serving is not for the drain", async () => {
    const it = world();
    it.drain.record(new Error("while serving"));
    const receipt = await run(it, { type: "error", error: new Error("boom") });
    assert.deepEqual([receipt.reason, receipt.exitCode, receipt.errors], ["uncaught error: boom", 1, ["boom"]]);
  });

  test("a listener that throws, at any event, stops nothing and nobody, and is recorded", async () => {
    for (const type of ["started", "phase_started", "phase_ended", "settled"] as const) {
      const it = world();
      it.drain.subscribe((event) => {
        if (event.type === type) throw new Error(`bad listener at ${type}`);
      });
      const after: string[] = [];
      it.drain.subscribe((event) => after.push(event.type));
      const receipt = await run(it);
      assert.equal(after.length, it.events.length);
      assert.equal(after.at(-1), "completed");
      assert.deepEqual([receipt.exitCode, receipt.errors[0]], [1, `bad listener at ${type}`]);
    }
  });
});

describe("the deadline", () => {
  /** A release that takes all its time, with nothing to spare: the deadline comes while it runs. */
  const tight = { removalMaxMs: 0, finishMs: 0, staggerMs: 0, closeMs: 0, requestsMs: 0, timeoutMs: 5_000 };

  test("ends the drain, counts who is still connected as cut, and says so before and after", async () => {
    const it = world({ publishes: HANGS, clients: { told: 7, cut: 1, open: 4 } }, tight);
    const receipt = await run(it);
    assert.equal(it.outcomes()["release"], "cut");
    assert.deepEqual([receipt.deadlineReached, receipt.outcome, receipt.exitCode], [true, "cut", 1]);
    assert.deepEqual([receipt.clients.cut, receipt.clients.open], [5, 0]);
    assert.deepEqual([receipt.durationMs, receipt.budgetLeftMs], [5_000, 0]);
    const settled = it.events.find((event) => event.type === "settled");
    assert.equal(settled?.receipt.outcome, "cut");
  });

  test("aborts what runs", async () => {
    const it = world({ publishes: HANGS }, tight);
    await run(it);
    assert.equal(it.signals.get("publishes")?.aborted, true);
  });

  test("cuts nothing when only the figures were waiting to be scraped", async () => {
    const it = world(
      { requests: HANGS, figures: HANGS },
      { ...tight, requestsMs: 2_000, releaseMs: 0, lingerMs: 3_000 },
    );
    const receipt = await run(it);
    assert.deepEqual([it.outcomes()["linger"], it.duration("linger")], ["expired", 3_000]);
    assert.deepEqual([receipt.durationMs, receipt.outcome, receipt.exitCode], [5_000, "clean", 0]);
  });
});

test("what is told when the release is over stands in the receipt too", async () => {
  const it = world({ figures: takes(500) }, { lingerMs: 1_000 });
  const receipt = await run(it);
  const settled = it.events.find((event) => event.type === "settled");
  assert.ok(settled?.type === "settled");
  assert.deepEqual([settled.receipt.outcome, settled.receipt.durationMs], ["clean", 5_000]);
  assert.deepEqual(
    [receipt.durationMs, receipt.phases.length, settled.receipt.phases.length],
    [5_500, PHASES.length, PHASES.length - 1],
  );
});
