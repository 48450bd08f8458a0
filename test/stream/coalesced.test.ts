import assert from "node:assert/strict";
import { test } from "node:test";
import { type Deferred, deferred } from "../../src/base/deferred.js";
import { coalesced } from "../../src/stream/coalesced.js";

/** Answers when told; each answer is the number of its call. */
function rig() {
  const calls: Deferred<number>[] = [];
  const ask = coalesced(() => {
    const call = deferred<number>();
    calls.push(call);
    return call.promise;
  });
  const answer = async (call: number): Promise<void> => {
    calls[call]?.resolve(call);
    await calls[call]?.promise;
    await Promise.resolve();
  };
  return { ask, answer, calls };
}

test("who asks while an answer is under way shares the next one, asked for after it", async () => {
  const { ask, answer, calls } = rig();
  const first = ask();
  const others = Array.from({ length: 10_000 }, ask);
  assert.equal(calls.length, 1);
  await answer(0);
  assert.equal(await first, 0);
  const late = ask();
  assert.equal(calls.length, 2, "one call for all who came meanwhile");
  await answer(1);
  assert.deepEqual(new Set(await Promise.all(others)), new Set([1]));
  await answer(2);
  assert.equal(await late, 2, "not the answer that was under way when it asked");
});

test("a failure reaches those who share it, and is not remembered", async () => {
  const { ask, answer, calls } = rig();
  const first = ask();
  const shared = [ask(), ask()];
  calls[0]?.reject(new Error("away"));
  await assert.rejects(first, /away/);
  await answer(1);
  assert.deepEqual(await Promise.all(shared), [1, 1]);
  const alone = ask();
  await answer(2);
  assert.equal(await alone, 2);
});
