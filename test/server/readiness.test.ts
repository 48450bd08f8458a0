import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Deferred, deferred } from "../../src/base/deferred.js";
import { type Check, Readiness, type ReadinessOptions } from "../../src/server/readiness.js";
import { ManualClock } from "../support/manual-clock.js";

const GRACE = 15_000;

function readiness(t: TestContext, check: Check, options: Partial<ReadinessOptions> = {}) {
  const clock = new ManualClock();
  const changes: string[] = [];
  const made = new Readiness({
    clock,
    checks: { journal: check },
    graceMs: GRACE,
    draining: () => false,
    onChange: (name, state) => changes.push(`${name}: ${state}`),
    ...options,
  });
  t.after(() => made.stop());
  return { clock, changes, readiness: made };
}

/** A dependency that can be lost and come back. */
function dependency() {
  const state = { fault: undefined as string | undefined, looks: 0 };
  const check = async () => {
    state.looks += 1;
    if (state.fault !== undefined) throw new Error(state.fault);
  };
  return { state, check };
}

describe("readiness", () => {
  test("is `starting` until the port is open, whatever the dependencies say", async (t) => {
    const { readiness: it } = readiness(t, dependency().check);
    assert.deepEqual(it.state(), { status: "not_ready", reason: "starting", checks: { journal: "not checked yet" } });
    assert.equal(it.wasReady, false);
    await it.listening();
    assert.deepEqual(it.state(), { status: "ready" });
    assert.equal(it.wasReady, true);
  });

  test("a dependency that fails at the start is named at once: there is no grace before the first ready", async (t) => {
    const { state, check } = dependency();
    state.fault = "connection refused";
    const { readiness: it, clock, changes } = readiness(t, check);
    await it.listening();
    const lost = {
      status: "not_ready",
      reason: "dependencies_unavailable",
      checks: { journal: "connection refused" },
    };
    assert.deepEqual(it.state(), lost);
    assert.equal(it.wasReady, false);
    state.fault = undefined;
    assert.deepEqual(it.state(), lost, "asking is not looking");
    await clock.advance(2_000);
    // Noted although nobody asked in between.
    assert.equal(it.wasReady, true);
    assert.deepEqual(it.state(), { status: "ready" });
    assert.deepEqual(changes, ["journal: connection refused", "journal: ok"]);
  });

  test("a dependency lost later counts only after the grace, from when it was first found lost", async (t) => {
    const { state, check } = dependency();
    const { readiness: it, clock } = readiness(t, check);
    await it.listening();
    state.fault = "gone";
    await clock.advance(2_000);
    await clock.advance(GRACE - 1);
    assert.deepEqual(it.state(), { status: "ready" });
    await clock.advance(1);
    assert.deepEqual(it.state(), {
      status: "not_ready",
      reason: "dependencies_unavailable",
      checks: { journal: "gone" },
    });
    state.fault = undefined;
    await clock.advance(2_000);
    assert.deepEqual(it.state(), { status: "ready" });
  });

  test("a blip does not use up the grace of the next", async (t) => {
    const { state, check } = dependency();
    const { readiness: it, clock } = readiness(t, check);
    await it.listening();
    for (let blip = 0; blip < 3; blip += 1) {
      state.fault = "gone";
      await clock.advance(GRACE - 1_000);
      assert.deepEqual(it.state(), { status: "ready" }, `blip ${blip}`);
      state.fault = undefined;
      await clock.advance(2_000);
    }
    assert.equal(it.wasReady, true);
  });

  test("without grace a loss counts as soon as it is found", async (t) => {
    const { state, check } = dependency();
    const { readiness: it, clock } = readiness(t, check, { graceMs: 0 });
    await it.listening();
    state.fault = "gone";
    await clock.advance(2_000);
    assert.equal(it.state().status, "not_ready");
  });

  test("a check that hangs is given up after 2 s, is told to stop, and is looked at again", async (t) => {
    const signals: AbortSignal[] = [];
    const check: Check = (signal) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const { readiness: it, clock } = readiness(t, check);
    const listening = it.listening();
    assert.deepEqual(it.state(), {
      status: "not_ready",
      reason: "starting",
      checks: { journal: "not checked yet" },
    });
    await clock.advance(2_000);
    await listening;
    assert.deepEqual(it.state(), {
      status: "not_ready",
      reason: "dependencies_unavailable",
      checks: { journal: "no answer within 2000 ms" },
    });
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true],
    );
    await clock.advance(2_000);
    assert.equal(signals.length, 2);
  });

  test("a check that throws instead of rejecting is a fault like any other", async (t) => {
    const check: Check = () => {
      throw new Error("at once");
    };
    const { readiness: it } = readiness(t, check);
    await it.listening();
    assert.deepEqual(it.state(), {
      status: "not_ready",
      reason: "dependencies_unavailable",
      checks: { journal: "at once" },
    });
  });

  test("every dependency is named, and one is enough", async (t) => {
    const { state, check } = dependency();
    const { readiness: it } = readiness(t, check, {
      checks: { journal: check, tokens: () => Promise.reject(new Error("no keys")) },
    });
    await it.listening();
    assert.equal(state.looks, 1);
    assert.deepEqual(it.state(), {
      status: "not_ready",
      reason: "dependencies_unavailable",
      checks: { journal: "ok", tokens: "no keys" },
    });
  });

  test("while draining it is `shutting_down`, ready or not", async (t) => {
    let draining = false;
    const { readiness: it } = readiness(t, dependency().check, { draining: () => draining });
    await it.listening();
    draining = true;
    assert.deepEqual(it.state(), { status: "not_ready", reason: "shutting_down", checks: { journal: "ok" } });
  });

  test("looks no more once stopped", async (t) => {
    const { state, check } = dependency();
    const { readiness: it, clock } = readiness(t, check);
    await it.listening();
    it.stop();
    await clock.advance(10_000);
    assert.equal(state.looks, 1);
    assert.deepEqual(clock.pending, []);
  });

  test("what a look under way comes to once stopped is not told: its dependency may have been closed by then", async (t) => {
    const looks: Deferred<void>[] = [];
    const check = () => {
      const look = deferred();
      looks.push(look);
      return look.promise;
    };
    const { readiness: it, clock, changes } = readiness(t, check);
    const listening = it.listening();
    await clock.advance(0);
    looks[0]?.resolve();
    await listening;
    await clock.advance(2_000);
    it.stop();
    looks[1]?.reject(new Error("closed"));
    await clock.advance(0);
    assert.deepEqual(it.dependencies(), [["journal", true]]);
    assert.deepEqual(changes, ["journal: ok"]);
  });
});
