import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LastcallError } from "../../src/base/errors.js";
import type { Journal } from "../../src/journal/port.js";
import { Publisher, type PublishResult } from "../../src/server/publisher.js";
import { entriesOf } from "../journal/contract/kit.js";
import { altered, memory } from "./kit.js";

const item = (key: string, data: string, stream = "main") => ({ stream, publisher: "me", key, data });

function setUp(journal: Journal = memory()) {
  const counted: PublishResult[] = [];
  const publisher = new Publisher(journal, 100, (result) => counted.push(result));
  return { journal, publisher, counted };
}

describe("several items at once", () => {
  test("a reused key in the middle hides nothing of the others, and each item is counted", async () => {
    const { journal, publisher, counted } = setUp();
    const first = await publisher.publish(item("a", "1"));
    const second = await publisher.publish(item("b", "2"));
    counted.length = 0;
    const results = await publisher.publishAll([item("a", "1"), item("b", `"other"`), item("c", "3")]);
    const kept = await entriesOf(journal, "main");
    assert.deepEqual(
      kept.map(({ data }) => data),
      ["1", "2", "3"],
    );
    assert.deepEqual(results, [
      { type: "appended", id: first.id, repeated: true },
      { type: "key_reused", id: second.id },
      { type: "appended", id: kept[2]?.id, repeated: false },
    ]);
    assert.deepEqual(counted, ["repeated", "refused", "appended"]);
  });

  test("one that cannot be accepted refuses them all", async () => {
    const { journal, publisher, counted } = setUp();
    await assert.rejects(publisher.publishAll([item("a", "1"), item("b", `"CLOSE"`)]), { code: "reserved" });
    assert.deepEqual(counted, ["refused", "refused"]);
    assert.deepEqual(await entriesOf(journal, "main"), []);
  });

  test("a journal that cannot be reached has failed each of them", async () => {
    const { journal, publisher, counted } = setUp();
    await journal.close();
    await assert.rejects(publisher.publishAll([item("a", "1"), item("b", "2")]), { code: "journal_unavailable" });
    assert.deepEqual(counted, ["failed", "failed"]);
    assert.equal(publisher.pending(), 0);
  });

  test("none at all is nothing", async () => {
    const { publisher, counted } = setUp();
    assert.deepEqual(await publisher.publishAll([]), []);
    assert.deepEqual(counted, []);
  });
});

describe("one item", () => {
  test("a reused key is thrown, with the key and the item that has it", async () => {
    const { publisher, counted } = setUp();
    const { id } = await publisher.publish(item("a", "1"));
    await assert.rejects(publisher.publish(item("a", "2")), { code: "key_reused", detail: { key: "a", id } });
    assert.deepEqual(counted, ["appended", "refused"]);
  });

  test("what the caller did wrong is refused, what went wrong here has failed", async () => {
    const full = setUp(memory({ maxStreams: 1 }));
    await full.publisher.publish(item("a", "1", "one"));
    await assert.rejects(full.publisher.publish(item("a", "1", "two")), { code: "too_many_streams" });
    assert.deepEqual(full.counted, ["appended", "refused"]);
    for (const fault of [new Error("disk full"), new LastcallError("internal", "broken")]) {
      const { publisher, counted } = setUp(altered(memory(), { append: () => Promise.reject(fault) }));
      await assert.rejects(publisher.publish(item("a", "1")), fault);
      assert.deepEqual(counted, ["failed"]);
    }
  });
});
