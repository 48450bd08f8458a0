import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Evidence, Findings } from "../../src/rehearsal/findings.js";
import { findingsOf } from "../../src/rehearsal/ledger.js";
import type { ClientRecord, ReplicaRecord, RunRecord } from "../../src/rehearsal/record.js";
import {
  all,
  client,
  close,
  dueAt,
  end,
  entry,
  frames,
  given,
  hello,
  id,
  item,
  items,
  leave,
  mark,
  named,
  open,
  published,
  run,
  shutdown,
  stand,
  start,
  until,
} from "./by-hand.js";

const judge = (record: RunRecord): Findings => findingsOf(record, { requestsJudged: true });
const judged = (clients: ClientRecord, changes: Partial<RunRecord> = {}) =>
  judge(run({ clients: [clients], ...changes }));

/** Exactly this was found, and nothing else. */
function finds(findings: Findings, expected: Omit<Evidence, "text">, text: RegExp, count = 1): void {
  const [evidence, ...others] = findings.evidence;
  assert.deepEqual(others, []);
  assert.ok(evidence !== undefined, "nothing was found");
  const { text: told, ...rest } = evidence;
  assert.deepEqual(rest, expected);
  assert.match(told, text);
  assert.deepEqual(findings.faults, expected.judged ? { [expected.kind]: count } : {});
}

const on = (connection: number) => ({ who: "client 17", connection, replica: `pod-${connection}`, judged: true });
const first = ({ protocols: [protocol] }: Findings) => protocol ?? assert.fail("no clients");

describe("lost", () => {
  test("one that a server drops", () => {
    const findings = judged(client("lastcall.v1", stand(0), items(0, 1, 2, 4, 5, 6)));
    finds(findings, { ...on(0), kind: "lost", at: dueAt(4) + 10, item: named(3) }, /when a later one came/);
    assert.deepEqual(first(findings).onConnections, { lost: 1, repeated: 0, outOfOrder: 0 });
    assert.deepEqual(first(findings).perClient, { lost: 1, repeated: 0, outOfOrder: 0 });
  });

  test("one that a server drops, which the library asks for again on another connection", () => {
    const findings = judged(
      client("lastcall.v1", stand(0), items(0, 1, 2, 4), leave(0), stand(1, 2), items(1, 3, 4, 5, 6)),
    );
    finds(findings, { ...on(0), kind: "lost", at: dueAt(4) + 10, item: named(3) }, /when a later one came/);
    assert.deepEqual(first(findings).onConnections, { lost: 1, repeated: 0, outOfOrder: 0 });
    assert.deepEqual(first(findings).perClient, { lost: 0, repeated: 0, outOfOrder: 0 });
  });

  test("several in a row are told of once, and all counted", () => {
    const findings = judged(client("sse", stand(0), items(0, 1, 5, 6)));
    finds(findings, { ...on(0), kind: "lost", at: dueAt(5) + 10, item: named(2) }, /3 items/, 3);
  });

  test("the end, which was not reached", () => {
    const findings = judged(client("lastcall.v1", stand(0), items(0, 1, 2, 3, 4)));
    finds(findings, { ...on(0), kind: "lost", at: 20_000, item: named(5) }, /did not get to the end/, 2);
    assert.equal(findings.withoutSentinel, 1);
  });

  test("what a later connection does not begin with", () => {
    const findings = judged(
      client("sse", stand(0), items(0, 1, 2), end(0), open(1), start(1, 2), hello(1, 3), items(1, 4, 5, 6)),
    );
    finds(findings, { ...on(1), kind: "lost", at: dueAt(4) + 10, item: named(3) }, /later connection began after it/);
  });

  test("without a journal: by the ids alone", () => {
    const findings = judged(client("sse", stand(0), items(0, 1, 2, 4, 5, 6)), { journal: undefined });
    finds(findings, { ...on(0), kind: "lost", at: dueAt(4) + 10, item: named(3) }, /when a later one came/);
  });

  test("foreign items count as well, where there are ids", () => {
    const journal = all.map((n) => (n === 3 ? { id: id(3), mark: undefined } : entry(n)));
    const ours = all.filter((n) => n !== 3).map((n) => published(n));
    const findings = judged(client("sse", stand(0), items(0, 1, 2, 4, 5, 6)), { journal, published: ours });
    finds(findings, { ...on(0), kind: "lost", at: dueAt(4) + 10, item: id(3) }, /when a later one came/);
  });

  test("in the journal itself", () => {
    const journal = [...all.map(entry), { id: "18-abcdefgh" as const, mark: undefined }];
    const findings = judged(client("sse", stand(0), items(0, ...all)), { journal });
    finds(
      findings,
      { who: "journal", judged: true, kind: "lost", at: 20_000, item: "number 17" },
      /not in the journal/,
    );
  });
});

describe("repeated", () => {
  test("on one connection", () => {
    const findings = judged(client("lastcall.v1", stand(0), items(0, 1, 2, 3, 3, 4, 5, 6)));
    finds(findings, { ...on(0), kind: "repeated", at: dueAt(3) + 20, item: named(3) }, /again on the same connection/);
  });

  test("on a later connection, which began before where the client was", () => {
    const steps = [stand(0), items(0, 1, 2, 3), end(0), open(1), start(1, 3), hello(1, 2), items(1, 3, 4, 5, 6)];
    const findings = judged(client("sse", ...steps));
    finds(findings, { ...on(1), kind: "repeated", at: dueAt(3) + 60, item: named(3) }, /when it asked/);
    assert.equal(first(findings).onConnections.repeated, 0);
    assert.equal(first(findings).perClient.repeated, 1);
  });

  test("in the journal, though nobody acked it", () => {
    const outcome = { type: "unacked", why: "timeout" } as const;
    const twice = { id: "17-zzzzzzzz" as const, mark: mark(3) };
    const findings = judge(
      run({ published: all.map((n) => published(n, n === 3 ? { outcome } : {})), journal: [...all.map(entry), twice] }),
    );
    finds(findings, { who: "publisher p1", judged: true, kind: "repeated", at: 20_000, item: named(3) }, /2 times/);
  });
});

describe("out of order", () => {
  test("two swapped", () => {
    const findings = judged(client("lastcall.v1", stand(0), items(0, 1, 3, 2, 4, 5, 6)));
    finds(findings, { ...on(0), kind: "out_of_order", at: dueAt(3) + 20, item: named(2) }, /after a later one/);
    assert.deepEqual(first(findings).onConnections, { lost: 0, repeated: 0, outOfOrder: 1 });
  });

  for (const protocol of ["text", "adapter"] as const) {
    test(`the first two of a connection swapped, ${protocol}`, () => {
      const findings = judged(client(protocol, open(0), frames(0, 2, 1, 3, 4, 5, 6)));
      finds(
        findings,
        { ...on(0), kind: "out_of_order", at: dueAt(2) + 20, item: "publisher p1, item 1" },
        /after a later one/,
      );
    });
  }

  test("in the journal", () => {
    const outcome = { type: "acked", at: 1, id: undefined, known: false } as const;
    const journal = [1, 3, 2, 4, 5, 6].map(entry);
    const findings = judge(run({ published: all.map((n) => published(n, { outcome })), journal }));
    finds(
      findings,
      { who: "journal", judged: true, kind: "out_of_order", at: 20_000, item: named(2) },
      /after a later/,
    );
  });
});

describe("acks", () => {
  const ack = { who: "publisher p1", judged: true, kind: "ack_broken" } as const;

  test("acked and forgotten", () => {
    const journal = all.map((n) => (n === 3 ? { id: id(3), mark: undefined } : entry(n)));
    const findings = judge(run({ journal }));
    finds(findings, { ...ack, at: dueAt(3) + 3, item: named(3) }, /not in the journal/);
    assert.equal(findings.publishing.ackLost, 1);
  });

  test("acked and forgotten: a hole", () => {
    const findings = judge(run({ journal: all.filter((n) => n !== 3).map(entry) }));
    finds(findings, { ...ack, at: dueAt(3) + 3, item: named(3) }, /not in the journal/);
  });

  test("acked once and there twice", () => {
    const twice = { id: "17-zzzzzzzz" as const, mark: mark(3) };
    const findings = judge(run({ journal: [...all.map(entry), twice] }));
    finds(findings, { ...ack, at: dueAt(3) + 3, item: named(3) }, /13-abcdefg3 and 17-zzzzzzzz/);
    assert.equal(findings.publishing.ackRepeated, 1);
  });

  const misplaced = all.map((n) => {
    return n === 3
      ? published(n, { outcome: { type: "acked", at: 7, id: "99-zzzzzzzz", known: false } })
      : published(n);
  });

  test("acked elsewhere", () => {
    finds(judge(run({ published: misplaced })), { ...ack, at: 7, item: named(3) }, /acked as 99-zzzzzzzz/);
  });

  test("acked elsewhere, which without a journal only clients can tell, and is told once", () => {
    const clients = Array.from({ length: 3 }, () => client("sse", stand(0), items(0, ...all)));
    const findings = judge(run({ published: misplaced, journal: undefined, clients }));
    finds(findings, { ...ack, at: 20_000, item: named(3) }, /as which clients were given it/);
  });

  test("what was not acked may be there once or not at all", () => {
    const outcome = { type: "unacked", why: "timeout" } as const;
    const unsure = all.map((n) => published(n, n === 2 || n === 3 ? { outcome } : {}));
    const without = all.filter((n) => n !== 3).map((n) => ({ ...entry(n), id: id(n < 3 ? n : n - 1) }));
    const acked = unsure.map((it) => (it.n > 3 ? { ...it, outcome: { ...it.outcome, id: id(it.n - 1) } } : it));
    const findings = judge(run({ published: acked, journal: without }));
    assert.deepEqual(findings.evidence, []);
    assert.deepEqual([findings.publishing.unacked, findings.publishing.unackedOnce], [2, 1]);
  });
});

describe("foreign", () => {
  test("never published", () => {
    const ghost = { type: "item", connection: 0, id: "13-ghostly0", mark: { publisher: "p1", n: 99 } } as const;
    const findings = judged(client("lastcall.v1", stand(0), items(0, 1, 2, 3), ghost, items(0, 4, 5, 6)));
    const at = dueAt(99) + 10;
    const late = findings.evidence.filter(({ kind }) => kind === "foreign");
    assert.deepEqual(
      late.map(({ text: _, ...rest }) => rest),
      [{ ...on(0), kind: "foreign", at, item: "publisher p1, item 99 (13-ghostly0)" }],
    );
    assert.deepEqual(findings.faults, { foreign: 1 });
  });

  test("another item than the journal has there", () => {
    const other = { type: "item", connection: 0, id: id(3), mark: mark(2) } as const;
    const findings = judged(client("lastcall.v1", stand(0), items(0, 1, 2), other, items(0, 3, 4, 5, 6)));
    finds(
      findings,
      { ...on(0), kind: "foreign", at: dueAt(2) + 20, item: "publisher p1, item 2 (13-abcdefg3)" },
      /elsewhere/,
    );
  });

  test("the journal has it as another: restored, or written anew", () => {
    const other = { ...item(0, 3), id: "13-zzzzzzzz" } as const;
    const findings = judged(client("sse", stand(0), items(0, 1, 2), other, items(0, 3, 4, 5, 6)));
    const name = "publisher p1, item 3 (13-zzzzzzzz)";
    finds(findings, { ...on(0), kind: "foreign", at: dueAt(3) + 10, item: name }, /elsewhere/);
  });

  test("before the hello", () => {
    const findings = judged(client("lastcall.v1", open(0), item(0, 1), start(0), hello(0, 1), items(0, 2, 3, 4, 5, 6)));
    finds(findings, { ...on(0), kind: "foreign", at: dueAt(1) + 10, item: named(1) }, /before its hello/);
  });

  test("after the last word", () => {
    const findings = judged(
      client(
        "sse",
        stand(0),
        items(0, 1, 2),
        shutdown(0),
        close(0),
        item(0, 3),
        end(0),
        stand(1, 2),
        items(1, 3, 4, 5, 6),
      ),
    );
    finds(findings, { ...on(0), kind: "foreign", at: dueAt(3) + 10, item: named(3) }, /after the server's last word/);
  });

  test("in the journal", () => {
    const journal = [...all.map(entry), { id: "17-zzzzzzzz" as const, mark: { publisher: "p1", n: 99 } }];
    finds(
      judge(run({ journal })),
      {
        ...{ who: "journal", judged: true, kind: "foreign", at: 20_000 },
        item: "publisher p1, item 99 (17-zzzzzzzz)",
      },
      /never published/,
    );
  });
});

test("a gap, where nothing was trimmed or replaced", () => {
  const gap = { type: "gap", connection: 0, after: id(2), cursor: id(4), reason: "trimmed" } as const;
  const findings = judged(client("lastcall.v1", stand(0), items(0, 1, 2), gap, items(0, 5, 6)));
  finds(findings, { ...on(0), kind: "gap", at: dueAt(2) + 20 }, /12-abcdefg2 is trimmed/);
  assert.equal(first(findings).gapsTold, 1);
});

describe("goodbyes", () => {
  test("made before broken: nothing is wrong, and what came twice is counted", () => {
    const steps = [
      stand(0),
      items(0, 1, 2),
      shutdown(0),
      stand(1, 2),
      items(0, 3),
      items(1, 3),
      leave(0),
      items(1, 4, 5, 6),
    ];
    const findings = judged(client("lastcall.v1", ...steps));
    assert.deepEqual(findings.evidence, []);
    assert.deepEqual([first(findings).handedOver, first(findings).twice], [1, 1]);
    assert.deepEqual(first(findings).reconnects, { count: 1, p50: 0, p99: 0, max: 0 });
  });

  test("closed early, before the next one stands", () => {
    const steps = [stand(0), items(0, 1, 2), shutdown(0), close(0), end(0, 1012), stand(1, 2), items(1, 3, 4, 5, 6)];
    const findings = judged(client("lastcall.v1", ...steps));
    finds(findings, { ...on(0), kind: "broken_before_made", at: dueAt(2) + 30 }, /10 ms after `shutdown`/);
  });

  test("ended early, without a last word", () => {
    const steps = [stand(0), items(0, 1, 2), shutdown(0), end(0), stand(1, 2), items(1, 3, 4, 5, 6)];
    finds(judged(client("lastcall.v1", ...steps)), { ...on(0), kind: "broken_before_made", at: dueAt(2) + 30 }, /FIN/);
  });

  for (const [what, ...farewell] of [
    ["close message", close(0), end(0, 1012)],
    ["close frame", end(0, 1012)],
    ["close frame without a code", end(0, 1005)],
  ] as const) {
    test(`SHUTDOWN forgotten: only a ${what}`, () => {
      const steps = [stand(0), items(0, 1, 2), ...farewell, stand(1, 2), items(1, 3, 4, 5, 6)];
      finds(judged(client("lastcall.v1", ...steps)), { ...on(0), kind: "cut_short", at: dueAt(2) + 20 }, /never/);
    });
  }

  test("SHUTDOWN forgotten, SSE", () => {
    const findings = judged(
      client("sse", stand(0), items(0, 1, 2), close(0), end(0), stand(1, 2), items(1, 3, 4, 5, 6)),
    );
    finds(findings, { ...on(0), kind: "cut_short", at: dueAt(2) + 20 }, /never SHUTDOWN/);
  });

  test("SHUTDOWN forgotten, text", () => {
    const findings = judged(
      client("text", open(0), frames(0, 1, 2), close(0), end(0, 1012), open(1), frames(1, 3, 4, 5, 6)),
    );
    finds(findings, { ...on(0), kind: "cut_short", at: dueAt(2) + 20 }, /never SHUTDOWN/);
  });

  test("a text service that never says a word promised none: reported, not judged", () => {
    const findings = judged(client("text", open(0), frames(0, 1, 2), end(0, 1005), open(1), frames(1, 3, 4, 5, 6)));
    finds(findings, { ...on(0), kind: "cut_short", at: dueAt(2) + 20, judged: false }, /1005/);
  });

  test("text: SHUTDOWN, and then the end without CLOSE", () => {
    const findings = judged(
      client("text", open(0), frames(0, 1, 2), shutdown(0), end(0), open(1), frames(1, 3, 4, 5, 6)),
    );
    finds(findings, { ...on(0), kind: "cut_short", at: dueAt(2) + 30 }, /without CLOSE/);
  });

  describe("text: CLOSE", () => {
    const told = dueAt(4);
    const farewell = [
      { at: told, connection: 0, type: "shutdown" },
      { at: told, connection: 0, type: "close" },
      { at: told, connection: 0, type: "end" },
    ] as const;
    const before = client("text", open(0), frames(0, 1, 2));
    const after = client("text", until(told), open(1), frames(1, 4, 5, 6));
    const cut = { ...before, sightings: [...before.sightings, ...farewell, ...after.sightings] };

    test("before everything that was acked before SHUTDOWN", () => {
      const findings = judged(cut);
      const [evidence, missed] = findings.evidence;
      assert.deepEqual([evidence?.kind, evidence?.item, evidence?.at], ["cut_short", named(3), told]);
      assert.deepEqual([missed?.kind, missed?.item, missed?.judged], ["lost", named(3), false]);
      assert.deepEqual(findings.faults, { cut_short: 1 });
    });

    test("before something that was acked at that very time: nobody knows which was first", () => {
      const outcome = { type: "acked", at: told - 999, id: id(3), known: false } as const;
      const findings = judged(cut, { published: all.map((n) => published(n, n === 3 ? { outcome } : {})) });
      assert.deepEqual(findings.faults, {});
    });
  });

  test("under chaos they are reported, not judged", () => {
    const steps = [stand(0), items(0, 1, 2), shutdown(0), end(0), stand(1, 2), items(1, 3, 4, 5, 6)];
    const findings = findingsOf(run({ clients: [client("lastcall.v1", ...steps)] }), { requestsJudged: false });
    finds(findings, { ...on(0), kind: "broken_before_made", at: dueAt(2) + 30, judged: false }, /FIN/);
  });
});

describe("requests", () => {
  const replica: ReplicaRecord = {
    ...{ name: "pod-3", startedAt: 0, readyAt: 1, deletedAt: 5_000, removedAt: 7_000, signalledAt: 5_000 },
    ...{ exitedAt: 9_000, exit: { code: 0, signal: null }, phases: [], outcome: "clean" },
    end: "drained",
  };
  const requests = [
    { at: 5_500, kind: "kept", ms: 2, outcome: 200 },
    { at: 5_600, kind: "fresh", ms: 1, outcome: 503 },
  ] as const;

  test("refused in the window", () => {
    const findings = judge(run({ requests, replicas: [replica] }));
    const evidence = { who: "requests", replica: "pod-3", kind: "request", at: 5_600, judged: true } as const;
    finds(findings, evidence, /fresh connection failed after 1 ms: 503, 600 ms after pod-3 was told to go/);
    assert.deepEqual(findings.requests.failures, { "503": 1 });
    assert.deepEqual(
      findings.replicas.map(({ name, goneMs, exit }) => [name, goneMs, exit]),
      [["pod-3", 4_000, "0"]],
    );
  });

  test("under chaos they are reported, not judged", () => {
    const findings = findingsOf(run({ requests, replicas: [replica] }), { requestsJudged: false });
    assert.deepEqual(
      findings.evidence.map(({ kind, judged }) => [kind, judged]),
      [["request", false]],
    );
    assert.deepEqual(findings.faults, {});
  });

  test("a connection refused in the window is reported", () => {
    const refused = { type: "refused", connection: 1, status: 503 } as const;
    const findings = judged(
      client("sse", stand(0), items(0, 1, 2), end(0), refused, stand(2, 2), items(2, 3, 4, 5, 6)),
    );
    const evidence = { who: "client 17", connection: 1, kind: "refused", at: dueAt(2) + 30, judged: false } as const;
    finds(findings, evidence, /503/);
    assert.equal(first(findings).refused, 1);
  });
});

describe("without a cursor", () => {
  for (const protocol of ["text", "adapter"] as const) {
    test(`${protocol}: lost while connected`, () => {
      const findings = judged(
        client(protocol, open(0), frames(0, 1, 2, 4, 5, 6)),
        protocol === "adapter" ? { journal: undefined } : {},
      );
      const name = protocol === "adapter" ? "publisher p1, item 3" : named(3);
      finds(findings, { ...on(0), kind: "lost", at: dueAt(4) + 10, item: name }, /when a later one came/);
    });

    test(`${protocol}: missed while disconnected is counted, not judged`, () => {
      const findings = judged(
        client(protocol, open(0), frames(0, 1, 2), end(0), until(9_000), open(1), frames(1, 5, 6)),
      );
      finds(findings, { ...on(1), kind: "lost", at: dueAt(5) + 10, item: named(3), judged: false }, /2 items/);
      assert.equal(first(findings).missedWhileDisconnected, 2);
      assert.deepEqual(first(findings).perClient, { lost: 0, repeated: 0, outOfOrder: 0 });
    });

    test(`${protocol}: the end, while it stands`, () => {
      const findings = judged(client(protocol, open(0), frames(0, 1, 2, 3, 4)));
      finds(findings, { ...on(0), kind: "lost", at: 20_000, item: named(5) }, /did not get to the end/, 2);
    });

    test(`${protocol}: the end, while it was away`, () => {
      const findings = judged(client(protocol, open(0), frames(0, 1, 2, 3, 4), end(0)));
      finds(findings, { ...on(0), kind: "lost", at: 20_000, item: named(5), judged: false }, /no connection/);
      assert.equal(findings.withoutSentinel, 1);
    });
  }

  test("text: what is dropped at the beginning of a connection that has stood for long", () => {
    const findings = judged(client("text", open(0), frames(0, 2, 3, 4, 5, 6)));
    finds(findings, { ...on(0), kind: "lost", at: dueAt(2) + 10, item: named(1) }, /when a later one came/);
  });

  test("text: a connection that is never given anything", () => {
    const findings = judged(client("text", open(0), frames(0, 1, 2), end(0), open(1)));
    finds(findings, { ...on(1), kind: "lost", at: 20_000, item: named(3) }, /did not get to the end/, 4);
  });

  test("again on a later connection: counted, not judged", () => {
    const findings = judged(client("adapter", open(0), frames(0, 1, 2, 3), end(0), open(1), frames(1, 3, 4, 5, 6)));
    assert.deepEqual(
      findings.evidence.map(({ kind, judged }) => [kind, judged]),
      [["repeated", false]],
    );
    assert.equal(first(findings).perClient.repeated, 1);
  });

  test("items of somebody else's, which the adapter numbers", () => {
    const other = { published: [], journal: undefined, sentinels: [] };
    finds(
      judged(client("adapter", open(0), frames(0, 1, 2, 4, 5)), other),
      {
        ...{ ...on(0), kind: "lost", at: dueAt(4) + 10, item: "publisher p1, item 3" },
      },
      /when a later one came/,
    );
  });
});

describe("what the library gave out", () => {
  const library = (...numbers: readonly number[]) => {
    return judged({ ...client("lastcall.v1", stand(0), items(0, ...all)), given: given(...numbers) });
  };
  const it = { who: "client 17", judged: true } as const;

  test("everything", () => assert.deepEqual(library(...all).evidence, []));
  test("everything but what a gap left out, which is one fault", () => {
    const gap = { type: "gap", connection: 0, after: id(2), cursor: id(4), reason: "trimmed" } as const;
    const frames = client("lastcall.v1", stand(0), items(0, 1, 2), gap, items(0, 5, 6));
    assert.deepEqual(judged({ ...frames, given: given(1, 2, 5, 6) }).faults, { gap: 1 });
  });
  test("one not", () => {
    const findings = library(1, 2, 4, 5, 6);
    finds(findings, { ...it, kind: "lost", at: 15_002, item: named(3) }, /the library never/);
    assert.deepEqual(first(findings).given, { lost: 1, repeated: 0, outOfOrder: 0 });
  });
  test("the last not", () => {
    finds(library(1, 2, 3, 4, 5), { ...it, kind: "lost", at: 20_000, item: named(6) }, /the library never/);
  });
  test("one twice", () => {
    finds(library(1, 2, 3, 3, 4, 5, 6), { ...it, kind: "repeated", at: 15_003, item: named(3) }, /twice/);
  });
  test("two swapped", () => {
    finds(library(1, 3, 2, 4, 5, 6), { ...it, kind: "out_of_order", at: 15_002, item: named(2) }, /late/);
  });
});

test("a connection that is started again goes on where it is told, and what came before the hello is void", () => {
  const again = { type: "start", connection: 0, after: id(2) } as const;
  const findings = judged(
    client("lastcall.v1", stand(0), items(0, 1, 2), again, item(0, 3), hello(0, 2), items(0, 3, 4, 5, 6)),
  );
  assert.deepEqual(findings.evidence, []);
  assert.deepEqual([first(findings).items, first(findings).twice], [6, 0]);
});

test("connections that stood when the rollout began and still do are counted", () => {
  const { sightings, ...who } = client("lastcall.v1", stand(0), items(0, ...all));
  assert.equal(
    judged({ ...who, sightings: [...sightings, { type: "leave", connection: 0, at: 20_001 }] }).notReplaced,
    1,
  );
  assert.equal(judged(client("lastcall.v1", stand(0), end(0), stand(1), items(1, ...all))).notReplaced, 1);
  const late = [{ n: 1, from: 25, to: 19_000, acts: [] }];
  assert.equal(
    judged(client("lastcall.v1", stand(0), end(0), stand(1), items(1, ...all)), { rounds: late }).notReplaced,
    0,
  );
});
