import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Outlet } from "../../src/wire/outlet.js";
import { Vigil } from "../../src/wire/vigil.js";

/** A way out that notes its pings. */
function outlet() {
  const it = { blocked: false, sent: 0, pings: 0 };
  const unused = () => assert.fail("a vigil only pings");
  const way: Outlet = {
    peer: "test",
    full: false,
    unsent: 0,
    get blocked() {
      return it.blocked;
    },
    get sent() {
      return it.sent;
    },
    ping() {
      it.pings += 1;
    },
    write: unused,
    farewell: unused,
    onDrain: unused,
    cork: unused,
    uncork: unused,
    corkForTurn: unused,
    pause: unused,
    resume: unused,
    reject: unused,
    terminate: unused,
  };
  return { it, way };
}

describe("pings", () => {
  test("one an interval to who answers", () => {
    const { it, way } = outlet();
    const vigil = new Vigil();
    for (let round = 1; round <= 10; round += 1) {
      assert.equal(vigil.round(way, false), true);
      vigil.heard();
    }
    assert.equal(it.pings, 5);
  });

  test("who vanishes is noticed within two intervals, that is four rounds, wherever in them it does", () => {
    fc.assert(
      fc.property(fc.nat(12), (answered) => {
        const { it, way } = outlet();
        const vigil = new Vigil();
        for (let round = 0; round < answered; round += 1) {
          assert.equal(vigil.round(way, false), true);
          vigil.heard();
        }
        const before = it.pings;
        let rounds = 1;
        while (vigil.round(way, false)) rounds += 1;
        assert.ok(rounds >= 3 && rounds <= 4, `after ${rounds}`);
        assert.equal(it.pings - before, 2, "two may stay unanswered");
      }),
    );
  });

  test("any sign makes up for those that were missed", () => {
    const { way } = outlet();
    const vigil = new Vigil();
    for (let round = 1; round <= 50; round += 1) {
      assert.equal(vigil.round(way, false), true);
      if (round % 2 === 0) vigil.heard();
    }
  });

  test("a blocked peer gets none behind what it has not read; it is alive as long as it takes bytes", () => {
    const { it, way } = outlet();
    const vigil = new Vigil();
    it.blocked = true;
    for (let round = 1; round <= 10; round += 1) {
      it.sent += 1;
      assert.equal(vigil.round(way, false), true);
    }
    const rounds = Array.from({ length: 3 }, () => vigil.round(way, false));
    assert.ok(rounds.includes(false), "it takes nothing any more");
    assert.equal(it.pings, 0);
  });

  test("whom we do not listen to is not silent, unless it takes nothing either", () => {
    const { it, way } = outlet();
    const vigil = new Vigil();
    for (let round = 1; round <= 10; round += 1) assert.equal(vigil.round(way, true), true);
    it.blocked = true;
    assert.ok(Array.from({ length: 3 }, () => vigil.round(way, true)).includes(false));
  });

  test("after the goodbye the misses are counted anew, and once", () => {
    const { way } = outlet();
    const vigil = new Vigil();
    vigil.round(way, false);
    vigil.round(way, false);
    vigil.begin();
    assert.deepEqual([vigil.round(way, false), vigil.round(way, false)], [true, false]);
  });
});

describe("silence", () => {
  test("lasts a whole interval, and less than one and a half, before anything is said; then a whole one each time", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (busy) => {
        const vigil = new Vigil();
        // In rounds; what is said between two of them, is said in the middle.
        let saidAt = 0.5;
        vigil.said();
        for (const [i, speaks] of [...busy, false, false, false, false].entries()) {
          const now = i + 1;
          const silence = now - saidAt;
          if (vigil.silent()) {
            assert.ok(silence >= 2, `after ${silence / 2} intervals`);
            saidAt = now;
          } else {
            const most = Number.isInteger(saidAt) ? 2 : 3;
            assert.ok(silence < most, `${silence / 2} intervals, and nothing was said`);
          }
          if (!speaks) continue;
          vigil.said();
          saidAt = now + 0.5;
        }
      }),
    );
  });
});
