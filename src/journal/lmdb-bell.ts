import { closeSync, constants, type FSWatcher, openSync, watch, writeSync } from "node:fs";

/** How often those who wait look without having heard anything, ms: the net under a bell that was not rung or not heard. */
const POLL_MS = 500;
/** The same where the system watches no file for us. */
const DEAF_POLL_MS = 25;

const STROKE = Buffer.from("\n");

/**
 * A bell between processes: one byte of a file is written again after every commit, and the file is watched. (LMDB's own
 * file would ring too early: it is written to before the commit is seen.)
 */
export class FileBell {
  readonly #fd: number;
  readonly #watcher: FSWatcher | undefined;
  readonly #poll: NodeJS.Timeout;

  /** `heard` is called when another process has rung, or may have, or this one. Nothing here holds the process. */
  constructor(file: string, heard: () => void) {
    this.#fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o664);
    this.#watcher = watchOrNot(file, heard);
    this.#poll = setInterval(heard, this.#watcher === undefined ? DEAF_POLL_MS : POLL_MS).unref();
  }

  ring(): void {
    try {
      writeSync(this.#fd, STROKE, 0, STROKE.length, 0);
    } catch {
      // On a full disk the first stroke finds no room; what it would tell is committed, and the poll tells it too.
    }
  }

  close(): void {
    clearInterval(this.#poll);
    this.#watcher?.close();
    closeSync(this.#fd);
  }
}

function watchOrNot(file: string, heard: () => void): FSWatcher | undefined {
  try {
    // What goes wrong later is left to the poll.
    return watch(file, { persistent: false }, heard).on("error", () => {});
  } catch {
    // Watches are limited in number (inotify(7): max_user_watches), and some file systems have none.
    return undefined;
  }
}
