import { join } from "node:path";
import { LastcallError, toError } from "../base/errors.js";
import { Bell } from "./bell.js";
import { FileBell } from "./lmdb-bell.js";
import { type Databases, openDatabases, readFacts } from "./lmdb-store.js";
import { claim } from "./lmdb-users.js";

/** One journal's folder, as all handles of this process share it. */
export interface Shared {
  readonly databases: Databases;
  /** Rings when the stream may have changed, whoever changed it. */
  bell(stream: string): Bell;
  /** Tells this process and the others that the stream has changed. */
  changed(streams: Iterable<string>): void;
  /** Wakes all who wait in this process. */
  ringAll(): void;
  /** Gives the folder back; with the last handle it is closed. */
  release(): Promise<void>;
}

/** How many handles are on it; once it closes, when that is done. */
type Use = { readonly type: "open"; handles: number } | { readonly type: "closing"; readonly done: Promise<void> };

interface Held {
  readonly shared: Promise<Shared>;
  use: Use;
}

/**
 * By folder. LMDB must not have a file open twice in one process (lmdb.h: closing one would drop the locks of both), and
 * to open it while a transaction is under way would wait for a callback of this very thread.
 */
const HELD = new Map<string, Held>();

/** @throws LastcallError `journal_unavailable`, `invalid_settings` */
export async function share(folder: string): Promise<Shared> {
  for (let held = HELD.get(folder); held !== undefined; held = HELD.get(folder)) {
    if (held.use.type === "open") {
      held.use.handles += 1;
      return held.shared;
    }
    await held.use.done;
  }
  const held: Held = { shared: start(folder), use: { type: "open", handles: 1 } };
  HELD.set(folder, held);
  try {
    return await held.shared;
  } catch (thrown) {
    // Whoever waited with us is told the same; the next one tries again.
    if (HELD.get(folder) === held) HELD.delete(folder);
    throw thrown;
  }
}

async function start(folder: string): Promise<Shared> {
  const mark = await claim(folder);
  try {
    const databases = openDatabases(folder);
    try {
      databases.read(() => readFacts(databases.state));
      return use(folder, databases, mark.release);
    } catch (thrown) {
      await databases.close();
      throw thrown;
    }
  } catch (thrown) {
    mark.release();
    if (thrown instanceof LastcallError) throw thrown;
    const message = `The journal in ${folder} cannot be opened: ${toError(thrown).message}`;
    throw new LastcallError("journal_unavailable", message, { cause: thrown });
  }
}

function use(folder: string, databases: Databases, leave: () => void): Shared {
  const bells = new Map<string, Bell>();
  const ringAll = () => {
    for (const bell of bells.values()) bell.ring();
  };
  const file = new FileBell(join(folder, "bell"), ringAll);
  const close = async () => {
    file.close();
    try {
      await databases.close();
    } finally {
      leave();
      HELD.delete(folder);
    }
  };
  return {
    databases,
    bell(stream) {
      const bell = bells.get(stream) ?? new Bell();
      bells.set(stream, bell);
      return bell;
    },
    changed(streams) {
      for (const stream of streams) bells.get(stream)?.ring();
      file.ring();
    },
    ringAll,
    async release() {
      const held = HELD.get(folder);
      if (held?.use.type !== "open") return;
      held.use.handles -= 1;
      if (held.use.handles > 0) return;
      const done = close();
      held.use = { type: "closing", done };
      await done;
    },
  };
}
