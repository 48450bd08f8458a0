import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FATES } from "../../src/wire/connection.js";
import { type Farewell, fateOf, isSpeaking, type Last, type Stage, TRANSITIONS } from "../../src/wire/life.js";

const STAGES = ["open", "told", "ending", "closing", "leaving", "closed"] as const satisfies readonly Stage[];
const FAREWELLS = ["complete", "behind", "cut", "lost"] as const satisfies readonly Farewell[];

const last = fc.record<Last>({
  stage: fc.constantFrom("open", "told", "ending", "closing", "leaving"),
  how: fc.constantFrom("went", "ended", "overrun"),
  farewell: fc.constantFrom(...FAREWELLS),
  flushed: fc.boolean(),
  moved: fc.boolean(),
  resumable: fc.boolean(),
});

describe("the stages of a connection", () => {
  test("go one way: none comes back, and every one can end", () => {
    const reachable = (from: Stage): ReadonlySet<Stage> => {
      const found = new Set(TRANSITIONS[from]);
      // What is added meanwhile is visited too.
      for (const stage of found) for (const next of TRANSITIONS[stage]) found.add(next);
      return found;
    };
    for (const stage of STAGES) {
      assert.ok(!reachable(stage).has(stage), `${stage} comes back`);
      if (stage !== "closed") assert.ok(reachable(stage).has("closed"), `${stage} never ends`);
    }
  });

  test("nobody is ended before being told, and nobody says goodbye twice", () => {
    assert.ok(!TRANSITIONS.open.includes("ending"));
    assert.deepEqual(TRANSITIONS.closing, ["closed"]);
    assert.deepEqual(TRANSITIONS.leaving, ["closed"]);
    assert.deepEqual(TRANSITIONS.closed, []);
  });

  test("are spoken in until somebody has said goodbye", () => {
    assert.deepEqual(STAGES.filter(isSpeaking), ["open", "told", "ending"]);
    for (const stage of STAGES.filter((stage) => !isSpeaking(stage))) {
      assert.ok(!TRANSITIONS[stage].some(isSpeaking), `${stage} finds its voice again`);
    }
  });
});

describe("how a connection ended", () => {
  const base: Last = {
    stage: "open",
    how: "went",
    farewell: "complete",
    flushed: false,
    moved: false,
    resumable: false,
  };
  for (const [what, difference, fate] of [
    ["went before it was told", {}, "gone"],
    ["answered no ping", { how: "ended" }, "silent"],
    ["went after it was told", { stage: "told" }, "gone"],
    ["went while it was served to the end", { stage: "ending" }, "gone"],
    ["was ended after it was told, without a cursor", { stage: "told", how: "ended" }, "cut"],
    ["was ended after it was told, with a cursor", { stage: "told", how: "ended", resumable: true }, "handed_over"],
    ["was ended while it was served to the end", { stage: "ending", how: "ended" }, "cut"],
    ["left for its next connection", { stage: "leaving", moved: true, resumable: true }, "left"],
    ["broke the protocol", { stage: "leaving", resumable: true }, "gone"],
    ["left, and has no cursor to go on from", { stage: "leaving", moved: true }, "gone"],
    ["answered our goodbye", { stage: "closing", flushed: true }, "left"],
    ["went before the goodbye was out", { stage: "closing" }, "gone"],
    ["never answered our goodbye", { stage: "closing", how: "ended", flushed: true }, "unanswered"],
    ["took not everything", { stage: "closing", how: "ended" }, "cut"],
    ["took not everything, with a cursor", { stage: "closing", how: "ended", resumable: true }, "handed_over"],
    ["was behind", { stage: "closing", farewell: "behind", resumable: true }, "handed_over"],
    ["lost its place", { stage: "closing", farewell: "lost" }, "lost"],
    ["lost its place in the drain", { stage: "closing", farewell: "cut" }, "cut"],
    ["took nothing for too long", { stage: "open", how: "overrun", resumable: true }, "slow"],
  ] as const satisfies readonly (readonly [string, Partial<Last>, string])[]) {
    test(`${what}: ${fate}`, () => assert.equal(fateOf({ ...base, ...difference }), fate));
  }

  test("is one of the fates, and who has a cursor is cut only for a lost place", () => {
    fc.assert(
      fc.property(last, (ended) => {
        const fate = fateOf(ended);
        assert.ok(FATES.includes(fate));
        if (ended.resumable && ended.farewell !== "cut") assert.notEqual(fate, "cut");
      }),
    );
  });

  test("is `left` only for who was told all, or moved on with its cursor", () => {
    fc.assert(
      fc.property(last, (ended) => {
        if (fateOf(ended) !== "left") return;
        const toldAll = ended.stage === "closing" && ended.farewell === "complete" && ended.flushed;
        assert.ok(toldAll || (ended.stage === "leaving" && ended.moved && ended.resumable));
      }),
    );
  });
});
