import assert from "node:assert/strict";
import { it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Deferred, deferred } from "../../src/base/deferred.js";
import { type Append, Batcher, type BatcherOptions, type Committed } from "../../src/journal/batcher.js";
import type { Appended } from "../../src/journal/port.js";
import { item, items } from "./contract/kit.js";

/** One transaction that the test ends. */
interface Transaction extends Deferred<readonly Committed[]> {
  readonly appends: readonly Append[];
}

function scripted(options: Partial<BatcherOptions> = {}) {
  const transactions: Transaction[] = [];
  const batcher = new Batcher(
    (appends) => {
      const transaction = { ...deferred<readonly Committed[]>(), appends };
      transactions.push(transaction);
      return transaction.promise;
    },
    { inFlight: 1, most: 10, ...options },
  );
  /** The streams of every transaction so far. */
  const streams = () => transactions.map(({ appends }) => appends.map(({ stream }) => stream));
  return { batcher, transactions, streams };
}

function answersTo(appends: readonly Append[]): (readonly Appended[])[] {
  return appends.map(({ publications }) =>
    publications.map((_, i): Appended => ({ type: "appended", id: `${i + 1}-aaaaaaaa`, repeated: false })),
  );
}

function commit(transaction: Transaction | undefined): void {
  assert.ok(transaction !== undefined, "the transaction has begun");
  transaction.resolve(answersTo(transaction.appends));
}

it("lets those of one turn share a transaction, and gives each its own answers", async () => {
  const { batcher, transactions, streams } = scripted();
  const settled = Promise.all([batcher.append("a", items(1)), batcher.append("b", items(2)), batcher.append("a", [])]);
  assert.deepEqual(streams(), [], "not before the turn is over");
  await turn();
  assert.deepEqual(streams(), [["a", "b", "a"]]);
  commit(transactions[0]);
  assert.deepEqual(
    (await settled).map((answers) => answers.length),
    [1, 2, 0],
  );
});

it("gathers while a transaction is written, in the order of the calls", async () => {
  const { batcher, transactions, streams } = scripted();
  const settled: string[] = [];
  const append = (stream: string) => batcher.append(stream, items(1)).then(() => settled.push(stream));
  const all = [append("a")];
  await turn();
  for (const stream of ["b", "c", "d"]) {
    all.push(append(stream));
    await turn();
  }
  assert.deepEqual(streams(), [["a"]], "one is under way, the others wait");
  commit(transactions[0]);
  await turn();
  await turn();
  assert.deepEqual(streams(), [["a"], ["b", "c", "d"]]);
  commit(transactions[1]);
  await Promise.all(all);
  assert.deepEqual(settled, ["a", "b", "c", "d"]);
});

it("bounds a transaction, and gives a larger append one of its own", async () => {
  const { batcher, transactions, streams } = scripted({ most: 10, inFlight: 9 });
  const sizes = { a: 4, b: 6, c: 1, d: 11, e: 1 };
  const all = Object.entries(sizes).map(([stream, size]) => batcher.append(stream, items(size)));
  for (let i = 0; i < 5; i += 1) await turn();
  assert.deepEqual(streams(), [["a", "b"], ["c"], ["d"], ["e"]]);
  transactions.forEach(commit);
  await Promise.all(all);
});

it("bounds a transaction by its data, too", async () => {
  const { batcher, transactions, streams } = scripted({ inFlight: 9 });
  const megabytes = { a: 1, b: 2, c: 3, d: 5, e: 1 };
  const all = Object.entries(megabytes).map(([stream, size]) =>
    batcher.append(stream, [item({ data: `"${"x".repeat(size * 1_000_000)}"` })]),
  );
  for (let i = 0; i < 5; i += 1) await turn();
  assert.deepEqual(streams(), [["a", "b"], ["c"], ["d"], ["e"]]);
  transactions.forEach(commit);
  await Promise.all(all);
});

it("has as many under way as it may, and no more", async () => {
  const { batcher, transactions, streams } = scripted({ inFlight: 2, most: 1 });
  const all = ["a", "b", "c"].map((stream) => batcher.append(stream, items(1)));
  for (let i = 0; i < 5; i += 1) await turn();
  assert.deepEqual(streams(), [["a"], ["b"]]);
  commit(transactions[1]);
  await turn();
  await turn();
  assert.deepEqual(streams(), [["a"], ["b"], ["c"]]);
  transactions.forEach(commit);
  await Promise.all(all);
});

it("refuses the one that was refused, and nobody else", async () => {
  const { batcher, transactions } = scripted();
  const [a, b, c] = ["a", "b", "c"].map((stream) => batcher.append(stream, items(1)));
  await turn();
  const [first = []] = answersTo(transactions[0]?.appends ?? []);
  const refused = assert.rejects(b ?? Promise.resolve(), /no more streams/);
  transactions[0]?.resolve([first, new Error("no more streams"), first]);
  await refused;
  assert.deepEqual([await a, await c], [first, first]);
});

it("refuses all of a transaction that failed or was not answered, and goes on with the next", async () => {
  const { batcher, transactions } = scripted();
  const failed = ["a", "b"].map((stream) => assert.rejects(batcher.append(stream, items(1)), /disk/));
  await turn();
  const next = batcher.append("c", items(1));
  transactions[0]?.reject(new Error("disk"));
  await Promise.all(failed);
  await turn();
  const silent = assert.rejects(next, /no answer/);
  transactions[1]?.resolve([]);
  await silent;
  const last = batcher.append("d", items(1));
  await turn();
  commit(transactions[2]);
  assert.equal((await last).length, 1);
});

it("takes an append back that was aborted before its transaction began, and not after", async () => {
  const { batcher, transactions, streams } = scripted();
  const [early, late] = [new AbortController(), new AbortController()];
  await assert.rejects(batcher.append("never", items(1), AbortSignal.abort()), { name: "AbortError" });
  const gone = assert.rejects(batcher.append("gone", items(1), early.signal), { name: "AbortError" });
  const kept = batcher.append("kept", items(1), late.signal);
  early.abort();
  await gone;
  await turn();
  late.abort();
  assert.deepEqual(streams(), [["kept"]]);
  commit(transactions[0]);
  assert.equal((await kept).length, 1);
});

it("begins no transaction when all who waited have gone", async () => {
  const { batcher, streams } = scripted();
  const abort = new AbortController();
  const gone = assert.rejects(batcher.append("a", items(1), abort.signal), { name: "AbortError" });
  abort.abort();
  await gone;
  await batcher.idle();
  await turn();
  assert.deepEqual(streams(), []);
});

it("refuses those who wait, on demand; what is under way goes on", async () => {
  const { batcher, transactions, streams } = scripted();
  const first = batcher.append("a", items(1));
  await turn();
  const second = assert.rejects(batcher.append("b", items(1)), /closed/);
  batcher.refuse(new Error("closed"));
  await second;
  commit(transactions[0]);
  assert.equal((await first).length, 1);
  await turn();
  assert.deepEqual(streams(), [["a"]]);
});

it("is idle when nobody waits and nothing is under way", async () => {
  const { batcher, transactions } = scripted({ most: 1 });
  await batcher.idle();
  const all = [batcher.append("a", items(1)), batcher.append("b", items(1))];
  let idle = false;
  const done = batcher.idle().then(() => {
    idle = true;
  });
  for (const n of [0, 1]) {
    await turn();
    await turn();
    assert.equal(idle, false);
    commit(transactions[n]);
  }
  await Promise.all(all);
  await done;
});
