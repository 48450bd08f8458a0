import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../src/journal/open.js";
import { journalContract } from "./contract.js";
import { handClock } from "./hand-clock.js";

journalContract("lmdb", async (options) => {
  const folder = await mkdtemp(join(tmpdir(), "lastcall-lmdb-"));
  const clock = handClock();
  const open = () => openJournal(`lmdb:${folder}`, options, clock);
  return {
    journal: await open(),
    again: open,
    advance: clock.advance,
    remove: () => rm(folder, { recursive: true }),
  };
});
