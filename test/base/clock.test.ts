import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { aborted, sleep, systemClock } from "../../src/base/clock.js";
import { ManualClock } from "../support/manual-clock.js";

/** An abort signal that counts who listens to it. */
function counted() {
  const controller = new AbortController();
  let listeners = 0;
  const signal = {
    get aborted() {
      return controller.signal.aborted;
    },
    addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }) {
      listeners += 1;
      controller.signal.addEventListener(type, listener, options);
    },
    removeEventListener(type: "abort", listener: () => void) {
      listeners -= 1;
      controller.signal.removeEventListener(type, listener);
    },
  };
  return { signal, abort: () => controller.abort(), listeners: () => listeners };
}

describe("sleep", () => {
  test("is true after the whole time, and gives its listener back", async () => {
    const clock = new ManualClock();
    const { signal, listeners } = counted();
    const slept = sleep(clock, 100, signal);
    await clock.advance(99);
    assert.deepEqual(clock.pending, [1]);
    await clock.advance(1);
    assert.equal(await slept, true);
    assert.equal(listeners(), 0);
  });

  test("is false as soon as the signal aborts, and leaves no timer", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const slept = sleep(clock, 100, abort.signal);
    assert.deepEqual(clock.pending, [100]);
    abort.abort();
    assert.equal(await slept, false);
    assert.deepEqual(clock.pending, []);
  });

  test("does not begin when the signal has aborted before", async () => {
    const clock = new ManualClock();
    assert.equal(await sleep(clock, 100, AbortSignal.abort()), false);
    assert.deepEqual(clock.pending, []);
  });

  test("needs no signal", async () => {
    const clock = new ManualClock();
    const slept = sleep(clock, 5);
    await clock.advance(5);
    assert.equal(await slept, true);
  });
});

describe("aborted", () => {
  test("settles when the signal aborts", async () => {
    const { signal, abort } = counted();
    const { promise } = aborted(signal);
    let settled = false;
    const watched = promise.then(() => {
      settled = true;
    });
    await Promise.resolve();
    assert.equal(settled, false);
    abort();
    await watched;
    assert.equal(settled, true);
    // In a race its value is a value like any other, and must not be the signal's event.
    assert.equal(await promise, undefined);
  });

  test("settles at once when it has aborted before", async () => {
    await aborted(AbortSignal.abort()).promise;
  });

  test("stop gives the listener back", () => {
    const { signal, listeners } = counted();
    const { stop } = aborted(signal);
    assert.equal(listeners(), 1);
    stop();
    assert.equal(listeners(), 0);
  });
});

describe("the host's clock", () => {
  test("calls back once, and not before its time", async () => {
    const startedAt = systemClock.now();
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
    // Node's timers count whole milliseconds, the monotonic clock fractions of them.
    assert.ok(systemClock.now() - startedAt >= 4);
  });

  test("does not call back what was cancelled, nor at once what is due in a month", async () => {
    const called: string[] = [];
    systemClock.after(0, () => called.push("cancelled"))();
    const cancel = systemClock.after(2 ** 31, () => called.push("a month"));
    const target = new EventTarget();
    systemClock.after(5, () => target.dispatchEvent(new Event("later")));
    await once(target, "later");
    cancel();
    assert.deepEqual(called, []);
  });

  test("tells the wall clock's time in whole milliseconds", () => {
    const before = Date.now();
    const now = systemClock.epoch();
    assert.ok(Number.isInteger(now) && now >= before && now <= Date.now());
  });
});
