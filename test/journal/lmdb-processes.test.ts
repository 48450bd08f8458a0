import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { systemClock } from "../../src/base/clock.js";
import { openJournal } from "../../src/journal/open.js";
import { numberOf } from "../../src/protocol/ids.js";
import { appendAll, entriesOf, nth, refused } from "./contract/kit.js";
import { Other, temporary } from "./lmdb-kit.js";

/** Runs a program in a PID namespace of its own, which ends with it; needs root, or a system that lets anybody. */
const NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child"];
const noNamespaces = spawnSync("unshare", ["--pid", "--fork", "true"]).status !== 0 && "needs unshare --pid";

describe("processes on one LMDB journal", { timeout: 120_000 }, () => {
  it("hear of each other's appends, all in one order", async (t) => {
    const folder = temporary(t);
    const journal = await openJournal(`lmdb:${folder}`, {}, systemClock);
    t.after(() => journal.close());
    const base = await journal.head("main");
    const follower = new Other(t, "follow", folder);
    await follower.told("ready");
    const mine = journal.follow("main", base, new AbortController().signal)[Symbol.asyncIterator]();
    const writers = [new Other(t, "append", folder), new Other(t, "append", folder)];
    // Woken by what another process has written.
    const { value } = await mine.next();
    assert.equal(value?.type, "entries");
    await appendAll(journal, "main", 200, 10);
    for (const writer of writers) await writer.until(() => (writer.acked.size >= 200 ? true : undefined));
    for (const writer of writers) assert.equal(await writer.end(), 0);
    const all = (await entriesOf(journal, "main")).map(({ id }) => id);
    await follower.until(() => (follower.followed.length >= all.length ? true : undefined));
    assert.deepEqual(follower.followed, all);
    assert.ok(all.length >= 600);
    assert.equal(await follower.end(), 0);
  });

  it("lose nothing that was acknowledged, and go on, when one of them is killed in the middle", async (t) => {
    const folder = temporary(t);
    const journal = await openJournal(`lmdb:${folder}`, { retentionItems: 0 }, systemClock);
    t.after(() => journal.close());
    const survivor = new Other(t, "append", folder);
    const acked = new Map<string, string>();
    for (let round = 1; round <= 8; round += 1) {
      const victim = new Other(t, "append", folder);
      await victim.until(() => (victim.acked.size >= 20 * round ? true : undefined));
      await victim.kill();
      const before = survivor.acked.size;
      await survivor.until(() => (survivor.acked.size > before + 20 ? true : undefined));
      await appendAll(journal, "main", 5, 1, 5 * round);
      for (const [key, id] of victim.acked) acked.set(key, id);
    }
    assert.equal(await survivor.end(), 0);
    for (const [key, id] of survivor.acked) acked.set(key, id);
    const entries = await entriesOf(journal, "main");
    assert.deepEqual(
      entries.map(({ id }) => numberOf(id)),
      entries.map((_, i) => i + 1),
    );
    const stored = new Map(entries.map(({ id, data }) => [data, id]));
    assert.equal(stored.size, entries.length, "nothing stands there twice");
    assert.ok(acked.size > 500);
    for (const [key, id] of acked) assert.equal(stored.get(JSON.stringify(key)), id, key);
  });

  it("find everything again that the one before them has left, however it ended", async (t) => {
    const folder = temporary(t);
    const before = new Other(t, "append", folder);
    await before.until(() => (before.acked.size >= 50 ? true : undefined));
    await before.kill();
    const journal = await openJournal(`lmdb:${folder}`, {}, systemClock);
    const [key, id] = [...before.acked][7] ?? ["", "0-"];
    const publication = { publisher: "child", key, data: JSON.stringify(key) };
    assert.deepEqual(await journal.append("main", [publication]), [{ type: "appended", id, repeated: true }]);
    const page = await journal.read("main", nth([...before.acked.values()], 0), 1_000);
    assert.ok(page.type === "entries" && page.entries.length >= 49);
    await journal.close();
    assert.deepEqual(readdirSync(folder).sort(), ["bell", "journal.mdb", "journal.mdb-lock"]);
  });

  it("are refused while a process of another PID namespace has it, and not any longer", {
    skip: noNamespaces,
  }, async (t) => {
    const folder = temporary(t);
    const open = () => openJournal(`lmdb:${folder}`, {}, systemClock);
    const foreign = new Other(t, "hold", folder, NAMESPACE);
    await foreign.told("ready");
    await assert.rejects(open(), (thrown) => {
      assert.match(String(thrown), /another PID namespace/);
      return refused("journal_unavailable")(thrown);
    });
    assert.equal(await foreign.end(), 0);
    const journal = await open();
    const refusedOne = new Other(t, "hold", folder, NAMESPACE);
    const { code, message } = await refusedOne.told("refused");
    assert.equal(code, "journal_unavailable");
    assert.match(message, new RegExp(`in ${folder} is in use .* another PID namespace`));
    await journal.check();
    await journal.close();
  });

  it("take over from a killed process of another PID namespace at once", { skip: noNamespaces }, async (t) => {
    const folder = temporary(t);
    for (let round = 0; round < 3; round += 1) {
      const foreign = new Other(t, "append", folder, NAMESPACE);
      await foreign.until(() => (foreign.acked.size >= 20 ? true : undefined));
      await foreign.kill();
      // unshare is gone; the process inside is told by the kernel, and is gone when its mark is.
      const journal = await eventually(() => openJournal(`lmdb:${folder}`, {}, systemClock));
      const stored = new Set((await entriesOf(journal, "main")).map(({ id }) => id));
      for (const id of foreign.acked.values()) assert.ok(stored.has(id));
      await journal.close();
    }
  });
});

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      refused("journal_unavailable")(thrown);
    }
  }
}
