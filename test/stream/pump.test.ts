import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { makeId } from "../../src/protocol/ids.js";
import { FrameLog } from "../../src/stream/frame-log.js";
import { Pump, type Visited } from "../../src/stream/pump.js";
import { entries, lineEncoding } from "./kit.js";

/** A session that is at the head after each visit, and does in it what the test wants. */
class Visitor implements Visited {
  slot = -1;
  visits = 0;
  n: number;
  onVisit = () => {};

  constructor(n: number) {
    this.n = n;
  }

  visit(log: FrameLog): void {
    this.visits += 1;
    this.n = log.n;
    this.onVisit();
  }

  lost(): void {}
}

function pumpWith(count: number) {
  const log = new FrameLog(lineEncoding(), makeId(0, "basebase"));
  const pump = new Pump(log);
  const add = () => {
    const visitor = new Visitor(log.n);
    pump.add(visitor);
    return visitor;
  };
  const visitors = Array.from({ length: count }, add);
  const append = () => {
    log.append(entries(log.n + 1, 1));
    pump.wake();
  };
  /** Turns until nobody has been visited in one. */
  const rest = async () => {
    for (let before = -1, now = 0; before !== now; ) {
      before = now;
      await turn();
      now = [...pump.sessions()].reduce((sum, one) => sum + (one instanceof Visitor ? one.visits : 0), 0);
    }
  };
  return { log, pump, visitors, add, append, rest };
}

/** Enough for several turns of the event loop to a round. */
const MANY = 200;

test("everybody is visited once after an append, in turns, not at once", async () => {
  const { visitors, append, rest } = pumpWith(MANY);
  append();
  assert.ok(visitors.every(({ visits }) => visits === 0));
  await turn();
  const served = visitors.filter(({ visits }) => visits > 0).length;
  assert.ok(served > 0 && served < MANY / 2, `${served} in one turn`);
  await rest();
  assert.ok(visitors.every(({ visits }) => visits === 1));
});

test("nobody to visit is nothing to do, and whoever comes later is served by the next append", async () => {
  const { pump, add, append, rest } = pumpWith(0);
  append();
  const late = add();
  assert.deepEqual([pump.size, pump.sessions()], [1, [late]]);
  append();
  await rest();
  assert.deepEqual([late.visits, late.n], [1, 2]);
});

test("what comes during a round reaches everybody, and nobody is visited twice as often as another", async () => {
  const { log, visitors, append, rest } = pumpWith(MANY);
  for (let i = 0; i < 30; i += 1) {
    append();
    await turn();
  }
  const visits = visitors.map((visitor) => visitor.visits);
  assert.ok(Math.max(...visits) - Math.min(...visits) <= 1, `${Math.min(...visits)} to ${Math.max(...visits)}`);
  await rest();
  assert.ok(visitors.every(({ n }) => n === log.n));
});

test("everybody is visited though others leave while the round goes on", async () => {
  const { log, pump, visitors, append, rest } = pumpWith(MANY);
  for (const leaving of [0, 10, 63, 64, 100, MANY - 1]) {
    const visitor = visitors[leaving];
    assert.ok(visitor);
    visitor.onVisit = () => pump.remove(visitor);
  }
  append();
  await turn();
  // These two leave between two turns, one visited and one not.
  for (const leaving of [20, 150]) pump.remove(visitors[leaving] ?? new Visitor(0));
  await rest();
  assert.equal(pump.size, MANY - 8);
  for (const visitor of pump.sessions()) assert.ok(visitor instanceof Visitor && visitor.n === log.n);
});

test("everybody is visited though others come while the round goes on", async () => {
  const { log, pump, add, append, rest } = pumpWith(MANY);
  append();
  await rest();
  // The next round begins in the middle of the list, and its end wraps round.
  for (let i = 0; i < MANY; i += 1) add();
  append();
  await turn();
  for (let i = 0; i < 5; i += 1) add();
  await rest();
  const behind = pump.sessions().filter((one) => one instanceof Visitor && one.n < log.n).length;
  assert.equal(behind, 0, `${behind} left behind until the next append`);
});

test("whoever comes and goes, whenever: at rest, nobody is behind", async () => {
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.constant({ type: "append" } as const) },
    { weight: 3, arbitrary: fc.constant({ type: "turn" } as const) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("add" as const), count: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("remove" as const), at: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("removeWhenVisited" as const), at: fc.nat() }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: MANY }), fc.array(step, { maxLength: 30 }), async (count, steps) => {
      const { log, pump, add, append, rest } = pumpWith(count);
      for (const one of steps) {
        if (one.type === "append") append();
        else if (one.type === "turn") await turn();
        else if (one.type === "add") for (let i = 0; i < one.count; i += 1) add();
        else {
          const visitor = pump.sessions()[one.at % Math.max(1, pump.size)];
          if (!(visitor instanceof Visitor)) continue;
          if (one.type === "remove") pump.remove(visitor);
          else visitor.onVisit = () => pump.remove(visitor);
        }
      }
      await rest();
      for (const visitor of pump.sessions()) assert.ok(visitor instanceof Visitor && visitor.n === log.n);
    }),
    { numRuns: 150 },
  );
});
