import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ErrorCode } from "../../src/base/errors.js";
import type { Id } from "../../src/protocol/ids.js";
import { Watch } from "../support/watch.js";

/** A folder that goes with its test. */
export function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "lastcall-lmdb-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What the other process tells. */
export type Told =
  | { readonly type: "ready" }
  | { readonly type: "refused"; readonly code: ErrorCode | undefined; readonly message: string }
  | { readonly type: "acked"; readonly key: string; readonly id: Id }
  | { readonly type: "followed"; readonly ids: readonly Id[] };

/** What it is asked to do: hold the journal open, append until it is told to end, follow the stream, or fill the disk. */
export type Mode = "hold" | "append" | "follow" | "fill";

const PROGRAM = fileURLToPath(new URL("./lmdb-child.js", import.meta.url));

/** Another process on the journal in `folder`; ended with the test. */
export class Other {
  readonly acked = new Map<string, Id>();
  readonly followed: Id[] = [];
  readonly #child: ChildProcess;
  readonly #told: Told[] = [];
  readonly #watch = new Watch();

  constructor(t: TestContext, mode: Mode, folder: string, around: readonly string[] = []) {
    const [command, ...args] = [...around, process.execPath, PROGRAM, mode, folder];
    this.#child =
      command === undefined || around.length === 0
        ? fork(PROGRAM, [mode, folder], { execArgv: [] })
        : spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (told: Told) => {
      this.#told.push(told);
      if (told.type === "acked") this.acked.set(told.key, told.id);
      if (told.type === "followed") this.followed.push(...told.ids);
      this.#watch.changed();
    });
    this.#child.once("exit", (code, signal) => this.#watch.end(() => `the other process ended with ${signal ?? code}`));
    t.after(() => this.kill());
  }

  /** The first thing of that kind that it told. */
  told<T extends Told["type"]>(type: T): Promise<Extract<Told, { type: T }>> {
    return this.until(() => this.#told.find((one): one is Extract<Told, { type: T }> => one.type === type));
  }

  until<T>(look: () => T | undefined): Promise<T> {
    return this.#watch.until(look);
  }

  /** Asks it to close the journal and to end; gives its exit code. */
  async end(): Promise<number | null> {
    this.#child.send("end");
    const [code] = await once(this.#child, "exit");
    return code;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }
}
