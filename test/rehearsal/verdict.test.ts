import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findingsOf } from "../../src/rehearsal/ledger.js";
import type { ReplicaRecord, RunRecord } from "../../src/rehearsal/record.js";
import { seriesOf } from "../../src/rehearsal/series.js";
import { verdictOf } from "../../src/rehearsal/verdict.js";
import {
  all,
  client,
  close,
  end,
  frames,
  given,
  items,
  leave,
  open,
  published,
  run,
  shutdown,
  stand,
} from "./by-hand.js";

const replica = (i: number, change: Partial<ReplicaRecord> = {}): ReplicaRecord => ({
  ...{ name: `pod-${i}`, startedAt: 0, readyAt: 1, deletedAt: 2_000, removedAt: 2_100, signalledAt: 2_000 },
  ...{ exitedAt: 5_000, exit: { code: 0, signal: null }, phases: [], outcome: "clean" },
  end: "drained",
  ...change,
});

/** Somebody who was handed over, and got everything. */
const good = client(
  "lastcall.v1",
  [stand(0), items(0, 1, 2), shutdown(0), stand(1, 2), items(1, 3), leave(0), items(1, 4, 5, 6)].flat(),
);
const rolled = (n = 9) => Array.from({ length: n }, (_, i) => replica(i));
const fine: Partial<RunRecord> = { clients: [{ ...good, given: given(...all) }], replicas: rolled() };

function verdict(changes: Partial<RunRecord> = {}, requestsJudged = true) {
  const record = run({ ...fine, ...changes });
  return verdictOf(findingsOf(record, { requestsJudged }), record);
}

test("a pass says what it is worth", () => {
  const { type, exitCode, worth } = verdict();
  assert.deepEqual([type, exitCode], ["pass", 0]);
  assert.equal(worth, "0 losses in 9 rollouts: below 33 % of rollouts lose, at 95 %");
  assert.match(verdict({ replicas: rolled(300) }).worth ?? "", /below 1 % of/);
  assert.match(verdict({ replicas: rolled(2) }).worth ?? "", /too few/);
});

test("a fault names the first evidence, and wins over any doubt", () => {
  const early = { ...client("sse", stand(0), items(0, 1, 2, 2, 3, 5, 6)), name: "client 3" };
  const { type, exitCode, text, reasons, worth } = verdict({ clients: [good, early], loopLagP99Ms: 80 });
  assert.deepEqual([type, exitCode, worth], ["fail", 1, undefined]);
  assert.match(
    text,
    /^1 lost, 1 repeated; first: client 3, connection 0, on pod-0, at 4\.020 s: publisher p1, item 2 \(12-/,
  );
  assert.deepEqual(
    reasons.map((reason) => /again|was missing|not replaced|too slow/.exec(reason)?.[0]),
    ["was missing", "again", "not replaced", "too slow"],
  );
});

describe("inconclusive, never a pass", () => {
  const doubts: readonly (readonly [string, Partial<RunRecord>, RegExp])[] = [
    [
      "nothing rolled",
      { replicas: [], clients: [client("sse", open(0), stand(0), items(0, ...all))] },
      /nothing was rolled/,
    ],
    [
      "connections not replaced",
      { rounds: [{ n: 1, from: 4_055, to: 19_000, acts: [] }] },
      /1 connections .* not replaced/,
    ],
    [
      "no items flowed",
      { clients: [client("text", open(0), end(0))], published: [], journal: [], sentinels: [] },
      /no items/,
    ],
    ["no last item", { sentinels: [] }, /no last item/],
    [
      "a client that was away at the end",
      { clients: [good, client("text", open(0), frames(0, 1, 2), end(0))] },
      /1 clients did not/,
    ],
    ["a client that never stood", { clients: [good, client("sse")] }, /1 clients did not/],
    [
      "publishers behind their schedule",
      { published: all.map((n) => published(n, { sentAt: n * 2_000 + 101 })) },
      /behind their schedule/,
    ],
    ["a slow event loop", { loopLagP99Ms: 50.1 }, /event loop/],
    ["troubles", { troubles: ["pod-3 did not start"] }, /pod-3 did not start/],
  ];
  for (const [what, changes, text] of doubts) {
    test(what, () => {
      const { type, exitCode, text: told } = verdict(changes);
      assert.deepEqual([type, exitCode], ["inconclusive", 3]);
      assert.match(told, text);
    });
  }
});

test("under chaos failed requests and goodbyes are no reason to fail, lost items are", () => {
  const requests = [{ at: 3_000, kind: "kept", ms: 1, outcome: "ECONNRESET" }] as const;
  assert.equal(verdict({ requests }).exitCode, 1);
  assert.equal(verdict({ requests }, false).exitCode, 0);
  const dropped = client("sse", stand(0), items(0, 1, 2, 4, 5, 6));
  assert.equal(verdict({ requests, clients: [dropped] }, false).exitCode, 1);
});

test("of text only what is lost while connected judges", () => {
  const away = client("text", [open(0), frames(0, 1, 2), end(0), frames(1), open(1), frames(1, 3, 4, 5, 6)].flat());
  assert.equal(verdict({ clients: [good, away] }).exitCode, 0);
});

describe("rolled", () => {
  const known = client(
    "lastcall.v1",
    stand(0),
    items(0, 1, 2),
    shutdown(0),
    stand(1, 2),
    leave(0),
    items(1, 3, 4, 5, 6),
  );
  const count = (changes: Partial<RunRecord>) => findingsOf(run(changes), { requestsJudged: true }).rolled;

  test("replicas that went, whatever ended them, but not those that were stopped with the rehearsal", () => {
    const replicas = [replica(1), replica(2, { end: "chaos" }), replica(3, { end: "stopped" })];
    assert.equal(count({ replicas: [...replicas, replica(4, { exitedAt: undefined })] }), 2);
  });

  test("elsewhere: those that clients stood on and stand on no more", () => {
    assert.equal(count({ clients: [known], rounds: [{ n: 1, from: 100, to: 19_000, acts: [] }] }), 1);
    assert.equal(count({ clients: [client("sse", stand(0), items(0, ...all))] }), 0);
  });

  test("where not even their names are known: rounds in which connections were ended", () => {
    const nameless = { type: "open", connection: 0 } as const;
    const ended = client(
      "text",
      nameless,
      frames(0, 1, 2),
      close(0),
      end(0),
      { ...nameless, connection: 1 },
      frames(1, 3, 4),
    );
    const rounds = [
      { n: 1, from: 1_000, to: 4_500, acts: [] },
      { n: 2, from: 5_000, to: 9_000, acts: [] },
    ];
    assert.equal(count({ clients: [ended], rounds }), 1);
  });
});

test("the series of the pictures", () => {
  const { stepMs, connections, pauses, reconnects, rounds } = seriesOf(run(fine));
  assert.equal(stepMs, 100);
  const at = (i: number) => connections.map(({ replica, counts }) => [replica, counts[i]]);
  assert.deepEqual(at(10), [
    ["pod-0", 1],
    ["pod-1", 0],
  ]);
  // The old one is left when the new one has given item 3, which came at 6,010.
  assert.deepEqual(at(60), [
    ["pod-0", 1],
    ["pod-1", 1],
  ]);
  assert.deepEqual(at(61), [
    ["pod-0", 0],
    ["pod-1", 1],
  ]);
  assert.deepEqual(at(200), [
    ["pod-0", 0],
    ["pod-1", 1],
  ]);
  assert.deepEqual([reconnects.length, reconnects.indexOf(1), reconnects.lastIndexOf(1)], [201, 40, 40]);
  assert.deepEqual([pauses[20], pauses[21], pauses[60]], [10, 0, 10]);
  assert.deepEqual(rounds, [{ n: 1, fromMs: 1_000, toMs: 19_000 }]);
});

test("replicas are shown in the order of their names, connections of nobody knows whom first", () => {
  const on = (replica: string) => client("text", open(0, replica));
  const nameless = client("text", { type: "open", connection: 0 });
  const { connections } = seriesOf(run({ clients: [on("pod-10"), on("pod-2"), nameless] }));
  assert.deepEqual(
    connections.map(({ replica }) => replica),
    ["?", "pod-2", "pod-10"],
  );
});

test("what became of each replica", () => {
  const phases = [{ phase: "close", ms: 7 }];
  const preStop = (ms: number) => ({ phase: "preStop", ms });
  const sigkill = { code: null, signal: "SIGKILL" };
  const replicas = [
    replica(1, { phases, signalledAt: 2_900 }),
    replica(2, { exit: sigkill, end: "grace_over" }),
    replica(3, { deletedAt: undefined, signalledAt: undefined, phases, end: "stopped" }),
    replica(4, {
      ...{ deletedAt: undefined, signalledAt: undefined, exitedAt: undefined, exit: undefined, end: undefined },
    }),
    replica(5, { exit: sigkill, end: "chaos", signalledAt: undefined }),
  ];
  const findings = findingsOf(run({ replicas }), { requestsJudged: true });
  assert.deepEqual(findings.replicas, [
    { name: "pod-1", goneMs: 3_000, phases: [preStop(900), ...phases], exit: "0", killed: undefined },
    { name: "pod-2", goneMs: 3_000, phases: [preStop(0)], exit: "SIGKILL", killed: "grace_over" },
    { name: "pod-3", goneMs: undefined, phases: [], exit: "stopped", killed: undefined },
    { name: "pod-4", goneMs: undefined, phases: [], exit: "running", killed: undefined },
    { name: "pod-5", goneMs: 3_000, phases: [preStop(3_000)], exit: "SIGKILL", killed: "chaos" },
  ]);
  const late = findings.evidence.filter(({ kind }) => kind === "out_of_grace");
  assert.deepEqual(
    late.map(({ at, who, judged }) => [at, who, judged]),
    [[5_000, "pod-2", false]],
  );
});

test("a pass does not hide that a drain took too long", () => {
  const late = replica(9, { exit: { code: null, signal: "SIGKILL" }, end: "grace_over" });
  const { type, text } = verdict({ replicas: [...rolled(8), late] });
  assert.equal(type, "pass");
  assert.match(text, /; but 1 of the replicas had to be killed at the end of the grace period$/);
});

test("who interrupts it gets no verdict, but what was seen until then", () => {
  const more = { interrupted: true, sentinels: [] };
  const none = verdict(more);
  assert.deepEqual([none.type, none.exitCode, none.text], ["inconclusive", 3, "it was interrupted"]);
  const early = { ...client("sse", stand(0), items(0, 1, 2, 2, 3)), name: "client 3" };
  const { type, exitCode, text } = verdict({ ...more, clients: [good, early] });
  assert.deepEqual([type, exitCode], ["inconclusive", 3]);
  assert.match(text, /^it was interrupted; until then: 1 repeated; first: client 3, connection 0,/);
});

test("a long run is shown in longer steps", () => {
  const { stepMs, pauses } = seriesOf(run({ to: 3_600_000 }));
  assert.deepEqual([stepMs, pauses.length], [10_000, 361]);
});
