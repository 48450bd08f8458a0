// A process on a journal that others share: see lmdb-kit.ts.
import { rmSync, writeFileSync } from "node:fs";
import { systemClock } from "../../src/base/clock.js";
import { LastcallError, toError } from "../../src/base/errors.js";
import { openJournal } from "../../src/journal/open.js";
import type { Journal } from "../../src/journal/port.js";
import type { Told } from "./lmdb-kit.js";

const [, , mode = "", folder = ""] = process.argv;
const end = new AbortController();
// The listener also holds the process, which the journal does not.
process.on("message", () => end.abort());
// Nobody is left to talk to.
process.on("disconnect", () => process.exit());

try {
  const journal = await openJournal(`lmdb:${folder}`, {}, systemClock);
  const head = await journal.head("main");
  tell({ type: "ready" });
  if (mode === "append") await Promise.all([1, 2, 3, 4].map((worker) => append(journal, worker)));
  if (mode === "fill") await fill(journal);
  if (mode === "follow") {
    for await (const page of journal.follow("main", head, end.signal)) {
      tell({ type: "followed", ids: page.type === "entries" ? page.entries.map(({ id }) => id) : ["0-gap"] });
    }
  }
  if (!end.signal.aborted) await new Promise((resolve) => end.signal.addEventListener("abort", resolve));
  await journal.close();
} catch (thrown) {
  tellRefused(thrown);
}
process.disconnect();

async function append(journal: Journal, worker: number): Promise<void> {
  for (let i = 0; !end.signal.aborted; i += 1) {
    const key = `${process.pid}/${worker}/${i}`;
    const [answer] = await journal.append("main", [{ publisher: "child", key, data: JSON.stringify(key) }]);
    if (answer !== undefined) tell({ type: "acked", key, id: answer.id });
  }
}

/** Appends until the disk is full, and once more when there is room again. */
async function fill(journal: Journal): Promise<void> {
  const ballast = `${folder}/ballast`;
  writeFileSync(ballast, Buffer.alloc(400_000));
  const data = JSON.stringify("x".repeat(5_000));
  const attempt = async (key: string) => {
    const [answer] = await journal.append("main", [{ publisher: "child", key, data }]);
    if (answer !== undefined) tell({ type: "acked", key, id: answer.id });
  };
  try {
    for (let i = 0; ; i += 1) await attempt(`${i}`);
  } catch (thrown) {
    tellRefused(thrown);
  }
  rmSync(ballast);
  await journal.check();
  await attempt("last");
  const page = await journal.read("main", "oldest", 1_000);
  tell({ type: "followed", ids: page.type === "entries" ? page.entries.map(({ id }) => id) : [] });
}

function tellRefused(thrown: unknown): void {
  const { message } = toError(thrown);
  tell({ type: "refused", code: thrown instanceof LastcallError ? thrown.code : undefined, message });
}

function tell(told: Told): void {
  process.send?.(told);
}
