import assert from "node:assert/strict";
import { it } from "node:test";
import { LastcallError } from "../../src/base/errors.js";
import { checkJournalUrl, openJournal } from "../../src/journal/open.js";
import { handClock } from "./hand-clock.js";

function refusal(url: string, options = {}): Promise<LastcallError> {
  return openJournal(url, options, handClock()).then(
    () => assert.fail(`${url} was taken`),
    (thrown: unknown) => {
      assert.ok(thrown instanceof LastcallError);
      assert.equal(thrown.code, "invalid_settings");
      return thrown;
    },
  );
}

it("opens memory: in any case", async () => {
  for (const url of ["memory:", "MEMORY:"]) {
    const journal = await openJournal(url, {}, handClock());
    assert.equal(journal.backend, "memory");
    await journal.close();
  }
});

it("names the scheme it does not take, and what it takes", async () => {
  for (const [url, scheme] of [
    ["mysql://root@db/x", "mysql:"],
    ["file:./data", "file:"],
    ["constructor:", "constructor:"],
    ["", "no scheme"],
    ["./data", "no scheme"],
    ["memory", "no scheme"],
    ["memory:x", "memory:"],
    ["memory://", "memory:"],
  ] as const) {
    const { message } = await refusal(url);
    assert.ok(message.includes(scheme), message);
    assert.ok(message.includes("memory:"), message);
  }
});

it("judges a URL without opening it, in words that can be told elsewhere", () => {
  checkJournalUrl("Memory:");
  for (const [url, received] of [
    ["mysql://me:hunter2@cache/0", "a URL of the scheme mysql:"],
    ["redis://me:hunter2@cache/hunter2", "a database that is not a number"],
    ["memory:hunter2", "memory: with something after the colon"],
    ["hunter2", "a URL with no scheme"],
  ] as const) {
    assert.throws(() => checkJournalUrl(url), {
      code: "invalid_settings",
      message: `journal URL: expected memory: or lmdb:<folder> or redis://host, got ${received}`,
      detail: { expected: "memory: or lmdb:<folder> or redis://host", received },
    });
  }
});

it("never repeats what may be a secret", async () => {
  for (const url of [
    "mysql://user:hunter2@db/x?token=hunter2",
    "hunter2:hunter2@db",
    "hunter2",
    "memory:hunter2",
    "redis://:hunter2",
    "redis://me:hun@ter2@cache",
    "redis://cache/0?password=hunter2",
    "redis+sentinel://me:hunter2@cache",
    " hunter2:",
  ]) {
    const error = await refusal(url);
    assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes("hunter2"), error.message);
  }
});

it("tells all options that are out of range at once", async () => {
  const { message } = await refusal("memory:", {
    retentionItems: -1,
    retentionMs: 1.5,
    keyTtlMs: 0,
    maxStreams: Number.NaN,
    redisWait: -1,
  });
  for (const name of ["retentionItems", "retentionMs", "keyTtlMs", "maxStreams", "redisWait"])
    assert.ok(message.includes(name), message);
});
