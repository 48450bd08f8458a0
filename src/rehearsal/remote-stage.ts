import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Context } from "./context.js";
import type { RemoteStageOptions } from "./options.js";
import type { Act, Stage } from "./stage.js";

/** Something that runs elsewhere; a command of the user's rolls it, or somebody by hand. */
export class RemoteStage implements Stage {
  readonly url: URL;
  readonly processes = undefined;
  readonly #context: Context;
  readonly #rollout: string | undefined;

  constructor(context: Context, { url, rollout }: RemoteStageOptions) {
    this.#context = context;
    this.url = new URL(url);
    this.#rollout = rollout;
  }

  async start(): Promise<void> {}

  async roll(act: Act, signal: AbortSignal): Promise<void> {
    if (this.#rollout === undefined) return act("roll it now");
    act(`rollout: ${this.#rollout}`);
    // A group of its own: what the shell has started ends with it.
    const child = spawn(this.#rollout, { shell: true, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const { pid } = child;
    const end = () => {
      if (pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-pid, "SIGTERM");
    };
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => this.#context.progress.line(line));
    }
    const [code, name] = await once(child, "close");
    signal.removeEventListener("abort", end);
    act(`the rollout command ended with ${name ?? code}`);
    if (code !== 0 && !signal.aborted) this.#context.trouble(`the rollout command failed: ${name ?? code}`);
  }

  async whole(): Promise<void> {}

  replicaOf(): undefined {}

  records(): readonly [] {
    return [];
  }

  samples(): readonly [] {
    return [];
  }

  async close(): Promise<void> {}
}
