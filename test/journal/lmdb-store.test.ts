import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { systemClock } from "../../src/base/clock.js";
import { openJournal } from "../../src/journal/open.js";
import { numberOf } from "../../src/protocol/ids.js";
import { entriesOf, items, nth, refused } from "./contract/kit.js";
import { Other, temporary } from "./lmdb-kit.js";

async function opened(t: TestContext, folder: string) {
  const journal = await openJournal(`lmdb:${folder}`, {}, systemClock);
  t.after(() => journal.close());
  return journal;
}

describe("where an LMDB journal is kept", () => {
  it("is the folder of the URL, from the working directory or from the root, made when it is not there", async (t) => {
    const folder = temporary(t);
    const near = relative(process.cwd(), folder);
    const spellings = [`lmdb:${near}/a/b`, `lmdb:./${near}/a/b`, `LMDB:${folder}/a/b`, `lmdb://${folder}/a/b/`];
    for (const [i, url] of spellings.entries()) {
      const journal = await openJournal(url, {}, systemClock);
      await journal.append("main", items(1, i));
      assert.equal(numberOf(await journal.head("main")), i + 1, url);
      await journal.close();
    }
    assert.deepEqual(readdirSync(join(folder, "a/b")).sort(), ["bell", "journal.mdb", "journal.mdb-lock"]);
  });

  it("may have a name that LMDB would take for a file, and a long one", async (t) => {
    const folder = join(temporary(t), "data.v1", "x".repeat(200));
    const journal = await opened(t, folder);
    await journal.append("main", items(1));
    assert.ok(readdirSync(folder).includes("journal.mdb"));
  });

  it("is one store for all handles of a process, whatever the name it is opened by", async (t) => {
    const folder = temporary(t);
    const [one, two] = await Promise.all([opened(t, folder), opened(t, `${folder}/../${folder.split("/").at(-1)}`)]);
    await one.append("main", items(3));
    assert.deepEqual(await entriesOf(two, "main"), await entriesOf(one, "main"));
    await one.close();
    const [three] = await Promise.all([opened(t, folder), two.close()]);
    await three.append("main", items(1, 3));
    await three.close();
    const four = await opened(t, folder);
    assert.equal((await entriesOf(four, "main")).length, 4);
  });
});

describe("what an LMDB journal is not opened on", () => {
  const rejects = async (folder: string, message: RegExp) => {
    await assert.rejects(openJournal(`lmdb:${folder}`, {}, systemClock), (thrown) => {
      assert.match(String(thrown), message);
      return refused("invalid_settings")(thrown);
    });
  };

  it("a file where the folder should be", async (t) => {
    const file = join(temporary(t), "file");
    writeFileSync(file, "");
    await rejects(file, /EEXIST/);
    await rejects(join(file, "data"), /ENOTDIR/);
  });

  it("a file that is none of LMDB's, which would end the process", async (t) => {
    const folder = temporary(t);
    for (const text of ["x", "hello ".repeat(5_000)]) {
      writeFileSync(join(folder, "journal.mdb"), text);
      await rejects(folder, /journal\.mdb is no journal of lastcall/);
    }
    rmSync(join(folder, "journal.mdb"));
    mkdirSync(join(folder, "journal.mdb"));
    await rejects(folder, /EISDIR/);
    assert.deepEqual(readdirSync(folder), ["journal.mdb"]);
  });

  const isRoot = process.getuid?.() === 0 && "root may write everywhere";
  it("a folder that cannot be written to", { skip: isRoot }, async (t) => {
    const folder = temporary(t);
    chmodSync(folder, 0o500);
    await rejects(folder, /EACCES/);
    chmodSync(folder, 0o700);
  });
});

describe("an LMDB journal whose ground is taken away", { timeout: 60_000 }, () => {
  it("is unavailable when its file is removed or replaced, and does not go on in what nobody else sees", async (t) => {
    for (const remove of [
      (folder: string) => rmSync(folder, { recursive: true }),
      (folder: string) => {
        renameSync(join(folder, "journal.mdb"), join(folder, "old.mdb"));
        writeFileSync(join(folder, "journal.mdb"), "");
      },
    ]) {
      const folder = temporary(t);
      const journal = await opened(t, folder);
      await journal.append("main", items(1));
      const head = await journal.head("main");
      const followed = journal.follow("main", head, new AbortController().signal)[Symbol.asyncIterator]().next();
      remove(folder);
      // A journal holds no process, not even for a follower.
      const hold = setInterval(() => {}, 1_000);
      await assert.rejects(followed, refused("journal_unavailable"));
      clearInterval(hold);
      await assert.rejects(journal.append("main", items(1, 1)), refused("journal_unavailable"));
      await assert.rejects(journal.read("main", "oldest", 1), refused("journal_unavailable"));
      await assert.rejects(journal.check(), refused("journal_unavailable"));
      await journal.close();
    }
  });

  const SMALL = 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"';
  const noMounts = spawnSync("unshare", ["--mount", "true"]).status !== 0 && "needs unshare --mount";
  it("refuses appends on a full disk, keeps what it has, and goes on when there is room", {
    skip: noMounts,
  }, async (t) => {
    const folder = temporary(t);
    const other = new Other(t, "fill", folder, ["unshare", "--mount", "sh", "-c", SMALL, "sh", folder]);
    await other.until(() => (other.followed.length > 0 ? true : undefined));
    const { code, message } = await other.told("refused");
    assert.equal(code, "journal_unavailable");
    assert.match(message, /disk/);
    assert.deepEqual(other.followed, [...other.acked.values()]);
    assert.equal(numberOf(nth(other.followed, -1)), other.followed.length);
    assert.equal(await other.end(), 0);
  });
});

describe("closing an LMDB journal", () => {
  it("waits for the appends under way; whoever reads or follows is answered or refused", async (t) => {
    const folder = temporary(t);
    for (let round = 0; round < 20; round += 1) {
      const journal = await openJournal(`lmdb:${folder}`, {}, systemClock);
      const head = await journal.head("main");
      const appends = Array.from({ length: 50 }, (_, i) => journal.append("main", items(1, 50 * round + i)));
      const reads = ["main", `new-${round}`].flatMap((stream) => [
        journal.read(stream, "oldest", 100),
        journal.head(stream),
        journal.check(),
      ]);
      const followed = journal.follow("main", head, new AbortController().signal)[Symbol.asyncIterator]();
      const first = followed.next();
      if (round % 2 === 0) await first;
      await Promise.all([journal.close(), journal.close()]);
      for (const [answer] of await Promise.all(appends)) assert.equal(answer?.type, "appended");
      for (const { status, ...rest } of await Promise.allSettled(reads)) {
        if (status === "rejected") refused("journal_unavailable")("reason" in rest && rest.reason);
      }
      await first;
      assert.deepEqual(await followed.next(), { done: true, value: undefined });
    }
    const journal = await opened(t, folder);
    assert.equal((await entriesOf(journal, "main")).length, 1_000);
  });
});
