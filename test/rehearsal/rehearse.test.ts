import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { findingsOf } from "../../src/rehearsal/ledger.js";
import {
  DEFAULTS,
  LOCAL_DEFAULTS,
  type LocalStageOptions,
  type RehearsalOptions,
} from "../../src/rehearsal/options.js";
import { type Progress, STEPS, silent } from "../../src/rehearsal/progress-port.js";
import type { RunRecord } from "../../src/rehearsal/record.js";
import { verdictOf } from "../../src/rehearsal/verdict.js";
import { rehearse } from "../../src/rehearsal.js";
import { folder } from "../support/fleet.js";
import { BIN, Service } from "../support/service.js";

// The local stage starts this very program, once more, as `serve`.
process.argv[1] = BIN;

const SMALL_STAGE: LocalStageOptions = {
  ...LOCAL_DEFAULTS,
  ...{ replicas: 2, preStopMs: 200, windowMs: 500, windowMaxMs: 5_000, staggerMs: 500, graceMs: 30_000, lagMs: 300 },
};

const SMALL: RehearsalOptions = {
  ...DEFAULTS,
  stage: SMALL_STAGE,
  ...{ clients: 8, protocols: ["lastcall.v1", "sse", "text", "lastcall.v1"], rate: 40, requests: 20, steadyMs: 300 },
};

const never = new AbortController().signal;

/** Where temporary folders are made; it is empty again afterwards. */
async function emptyAfterwards(t: TestContext): Promise<() => Promise<void>> {
  const temporary = await folder(t);
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = temporary;
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
  return async () => assert.deepEqual(await readdir(temporary), []);
}

/** Nobody is left, and everybody has left. */
function assertEnded({ clients, replicas }: RunRecord): void {
  for (const { name, exitedAt } of replicas) assert.ok(exitedAt !== undefined, name);
  for (const { name, sightings } of clients) {
    const count = (...types: string[]) => sightings.filter(({ type }) => types.includes(type)).length;
    assert.equal(count("dial"), count("refused", "end", "leave"), name);
  }
}

test("two replicas are rolled under load, and everything that was seen is written down", async (t) => {
  const assertEmpty = await emptyAfterwards(t);
  const steps: string[] = [];
  let samples = 0;
  const progress: Progress = {
    step: (step) => steps.push(step),
    sample: ({ clients, replicas }) => {
      if (clients === 8 && replicas.length > 2) samples += 1;
    },
    line: () => {},
  };
  const run = await rehearse(SMALL, progress, never);
  await assertEmpty();
  assertEnded(run);
  assert.deepEqual(run.troubles, []);
  assert.deepEqual(steps, STEPS);
  assert.ok(samples > 0);

  const { from, to, rounds, replicas, published, journal, requests, sentinels, clients } = run;
  assert.deepEqual(
    rounds.map(({ n, from, to }) => [n, from < to]),
    [[1, true]],
  );
  assert.ok(from > 0 && from < (rounds[0]?.from ?? 0) && (rounds[0]?.to ?? 0) < to);
  assert.deepEqual(
    replicas.map(({ end }) => end),
    ["drained", "drained", "stopped", "stopped"],
  );
  for (const { name, deletedAt = 0, signalledAt = 0, removedAt = 0, exitedAt = 0, ...life } of replicas.slice(0, 2)) {
    assert.deepEqual([life.exit, life.outcome], [{ code: 0, signal: null }, "clean"], name);
    assert.ok(0 < deletedAt && deletedAt + 190 < signalledAt && signalledAt < exitedAt, name);
    assert.ok(deletedAt + 290 < removedAt && removedAt < exitedAt, name);
    assert.deepEqual(
      life.phases.slice(0, 2).map(({ phase }) => phase),
      ["window", "announce"],
    );
  }

  assert.ok(published.length > 20 && published.every(({ outcome }) => outcome.type === "acked"));
  const marked = journal
    ?.filter(({ mark }) => mark !== undefined)
    .map(({ id, mark }) => `${id} ${JSON.stringify(mark)}`);
  const acked = published.map(({ publisher, n, outcome }) => {
    return `${outcome.type === "acked" && outcome.id} ${JSON.stringify({ publisher, n })}`;
  });
  assert.deepEqual(marked?.sort(), acked.sort());
  assert.equal(sentinels.length, 4);
  for (const { name, sightings, given } of clients) {
    for (const { publisher, n } of sentinels) {
      const there = (mark: (typeof sentinels)[0] | undefined) => mark?.publisher === publisher && mark.n === n;
      assert.ok(
        sightings.some((seen) => seen.type === "item" && there(seen.mark)),
        name,
      );
      if (given !== undefined)
        assert.ok(
          given.some(({ mark }) => there(mark)),
          name,
        );
    }
    const open = sightings.filter((seen) => seen.type === "open");
    assert.ok(open.length >= 2 && open.every(({ replica }) => replica?.startsWith("pod-")), name);
  }
  assert.deepEqual([...new Set(requests.map(({ outcome }) => outcome))], [200]);
  assert.deepEqual(new Set(requests.map(({ kind }) => kind)), new Set(["kept", "fresh"]));
  assert.ok(run.loopLagP99Ms >= 0);
});

test("a replica that is killed is replaced, and the round is whole all the same", async (t) => {
  const assertEmpty = await emptyAfterwards(t);
  const run = await rehearse({ ...SMALL, chaos: ["kill", "slow-client"] }, silent, never);
  await assertEmpty();
  assertEnded(run);
  assert.deepEqual(run.troubles, []);
  const killed = run.replicas.filter(({ end }) => end === "chaos");
  assert.equal(killed.length, 1);
  assert.deepEqual(
    killed.map(({ exit }) => exit?.signal),
    ["SIGKILL"],
  );
  assert.equal(run.replicas.filter(({ end }) => end === "stopped").length, 2);
  assert.ok(run.rounds[0]?.acts.some(({ what }) => what === `${killed[0]?.name} is killed`));
});

for (const [when, step] of [
  ["while it starts", "starting"],
  ["in the middle of a round", "rolling"],
] as const) {
  test(`interrupted ${when}, it leaves nothing`, async (t) => {
    const assertEmpty = await emptyAfterwards(t);
    const abort = new AbortController();
    const progress: Progress = {
      ...silent,
      step: (entered) => {
        if (entered === step && step === "starting") setImmediate(() => abort.abort());
      },
      line: (text) => {
        if (text.endsWith(" is deleted")) abort.abort();
      },
    };
    // Whoever waited for the end of what goes on would wait for a drain.
    const stage = { ...SMALL_STAGE, preStopMs: 20_000 };
    const run = await rehearse({ ...SMALL, stage }, progress, abort.signal);
    await assertEmpty();
    assertEnded(run);
    assert.deepEqual([run.interrupted, run.troubles], [true, []]);
    assert.equal(verdictOf(findingsOf(run, { requestsJudged: true }), run).text, "it was interrupted");
    assert.deepEqual(new Set(run.replicas.map(({ end }) => end)), new Set(["stopped"]));
    assert.ok(run.replicas.length >= (step === "starting" ? 2 : 3));
  });
}

test("replicas that do not start are a trouble, and leave nothing", async (t) => {
  const assertEmpty = await emptyAfterwards(t);
  const stage = { ...LOCAL_DEFAULTS, replicas: 2, env: { LOG_LEVEL: "loud" } };
  const run = await rehearse({ ...SMALL, stage }, silent, never);
  await assertEmpty();
  assertEnded(run);
  assert.equal(run.troubles.length, 2);
  assert.match(run.troubles.join(), /pod-1 did not become ready:[\s\S]*LOG_LEVEL/);
  assert.deepEqual(run.clients, []);
  // Nobody stopped them.
  assert.deepEqual(
    run.replicas.map(({ end, exit }) => [end, exit?.code]),
    [
      [undefined, 1],
      [undefined, 1],
    ],
  );
});

test("something that runs elsewhere, while a command rolls it", async (t) => {
  const service = await Service.start(t);
  const lines: string[] = [];
  const progress = { ...silent, line: (text: string) => void lines.push(text) };
  const stage = { type: "remote", url: service.url.href, rollout: "echo rolled; echo and how >&2; exit 3" } as const;
  const run = await rehearse({ ...SMALL, stage, settleMs: 200, clients: 4 }, progress, never);
  assertEnded(run);
  assert.deepEqual(run.troubles, ["the rollout command failed: 3"]);
  assert.deepEqual([...lines].sort(), [
    "and how",
    "rolled",
    `rollout: ${stage.rollout}`,
    "the rollout command ended with 3",
    "the rollout command failed: 3",
  ]);
  assert.deepEqual(run.replicas, []);
  for (const { protocol, sightings } of run.clients) {
    const open = sightings.find((seen) => seen.type === "open");
    assert.equal(open?.type === "open" && open.replica, protocol === "lastcall.v1" ? "pod-under-test" : undefined);
  }
});

test("a rollout command ends with the rehearsal", async (t) => {
  const service = await Service.start(t);
  const abort = new AbortController();
  const progress = { ...silent, line: (text: string) => void (text === "waiting" && abort.abort()) };
  const stage = { type: "remote", url: service.url.href, rollout: "echo waiting; sleep 600" } as const;
  const run = await rehearse({ ...SMALL, stage, clients: 1 }, progress, abort.signal);
  assert.deepEqual([run.interrupted, run.troubles], [true, []]);
});

test("what cannot be followed is refused before anything is started", async () => {
  const remote = { type: "remote", url: "ws://127.0.0.1:1", rollout: undefined } as const;
  const refused = { code: "invalid_request" };
  await assert.rejects(rehearse({ ...SMALL, stage: remote, chaos: ["kill"] }, silent, never), refused);
  await assert.rejects(rehearse({ ...SMALL, protocols: ["adapter"] }, silent, never), refused);
  const stage = { ...LOCAL_DEFAULTS, graceMs: 15_000 };
  await assert.rejects(rehearse({ ...SMALL, stage }, silent, never), refused);
});
