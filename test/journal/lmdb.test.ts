import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openJournal } from "../../src/journal/open.js";
import { journalContract } from "./contract.js";
import { handClock } from "./hand-clock.js";

/** Run as a process: inside this one the binding would share the file with the journal. */
const EMPTY = fileURLToPath(new URL("./lmdb-empty.js", import.meta.url));

// A journal holds no process, not even for a follower whom nobody rings.
const hold = setInterval(() => {}, 1_000);
after(() => clearInterval(hold));

journalContract("lmdb", async (options) => {
  const folder = await mkdtemp(join(tmpdir(), "lastcall-lmdb-"));
  const clock = handClock();
  const open = () => openJournal(`lmdb:${folder}`, options, clock);
  return {
    journal: await open(),
    again: open,
    advance: clock.advance,
    empty: async () => {
      await promisify(execFile)(process.execPath, [EMPTY, folder]);
    },
    remove: () => rm(folder, { recursive: true }),
  };
});
