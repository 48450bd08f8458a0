import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Clock } from "../base/clock.js";
import { deferred } from "../base/deferred.js";
import { parsed } from "./marks.js";
import type { ReplicaSample } from "./progress-port.js";
import type { ReplicaRecord } from "./record.js";

/** What a replica last said is kept for whoever asks why it ended. */
const LAST_WORDS = 10;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface ReplicaOptions {
  readonly name: string;
  readonly command: readonly [file: string, ...args: string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where it will listen; absent: it says so itself, in its log. */
  readonly port: number | undefined;
  readonly clock: Clock;
  readonly now: () => number;
}

/**
 * Becomes the program, and leaves a shell beside it that waits for the end of a pipe which only the rehearsal holds: it
 * comes however that ends, and ends all of the process group.
 */
const BECOME = '{ read -r word <&3 || kill -s KILL 0; } >/dev/null 2>&1 & exec "$@" 3<&-';

/**
 * One replica: a process of its own, what it logs, and what became of it.
 *
 * It leads a process group, as a container's first process does its container: a terminal's Ctrl-C does not reach it, and
 * what it leaves behind ends with it. It does not outlive the rehearsal, even if that is killed.
 */
export class Replica {
  readonly name: string;
  /** The port it listens on, as soon as it is known; nothing when it ended before. */
  readonly port: Promise<number | undefined>;
  /** Settles when the process is gone and all it wrote was read. */
  readonly gone: Promise<void>;
  readonly life: Mutable<ReplicaRecord>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #words: string[] = [];

  constructor({ name, command, env, port, clock, now }: ReplicaOptions) {
    this.name = name;
    this.#clock = clock;
    this.#now = now;
    this.life = {
      name,
      startedAt: now(),
      readyAt: undefined,
      deletedAt: undefined,
      removedAt: undefined,
      signalledAt: undefined,
      exitedAt: undefined,
      exit: undefined,
      end: undefined,
      phases: [],
      outcome: undefined,
    };
    const known = deferred<number | undefined>();
    const gone = deferred();
    this.port = known.promise;
    this.gone = gone.promise;
    if (port !== undefined) known.resolve(port);
    this.#child = spawn("sh", ["-c", BECOME, "sh", ...command], {
      env,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface(stream).on("line", (line) => this.#read(line, known.resolve));
    }
    this.#child.on("error", (error) => this.#heard(error.message));
    this.#child.once("exit", (code, signal) => {
      this.life.exitedAt = now();
      this.life.exit = { code, signal };
      this.#killAll();
    });
    this.#child.once("close", () => {
      known.resolve(undefined);
      gone.resolve();
    });
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get lastWords(): string {
    return this.#words.join("\n");
  }

  get state(): ReplicaSample["state"] {
    const { exitedAt, signalledAt, deletedAt, readyAt } = this.life;
    if (exitedAt !== undefined) return "gone";
    if (signalledAt !== undefined) return "draining";
    if (deletedAt !== undefined) return "deleted";
    return readyAt === undefined ? "starting" : "ready";
  }

  signal(name: NodeJS.Signals): void {
    if (!this.running) return;
    if (name === "SIGKILL") this.#killAll();
    else this.#child.kill(name);
  }

  /**
   * What the kubelet does with a deleted pod: it waits `preStopMs`, sends SIGTERM, and SIGKILL when `graceMs` are over,
   * counted from the deletion.
   */
  async terminate(preStopMs: number, graceMs: number): Promise<void> {
    const { life } = this;
    life.deletedAt = this.#now();
    const cancels = [
      this.#clock.after(Math.min(preStopMs, graceMs), () => {
        life.signalledAt = this.#now();
        this.signal("SIGTERM");
      }),
      this.#clock.after(graceMs, () => {
        if (this.running) life.end ??= "grace_over";
        this.signal("SIGKILL");
      }),
    ];
    await this.gone;
    for (const cancel of cancels) cancel();
    life.end ??= "drained";
  }

  /** Ends it for good: as Ctrl-C does, and after `patienceMs` the hard way. */
  async stop(patienceMs: number): Promise<void> {
    if (this.running) this.life.end ??= "stopped";
    // One that was stopped (SIGSTOP) hears nothing.
    this.signal("SIGCONT");
    this.signal("SIGINT");
    const cancel = this.#clock.after(patienceMs, () => this.signal("SIGKILL"));
    await this.gone;
    cancel();
  }

  /** All that is left of it: a container does not outlive its first process. */
  #killAll(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // ESRCH: nobody is left.
    }
  }

  #read(line: string, listening: (port: number) => void): void {
    this.#heard(line);
    const { msg, url, receipt }: Readonly<Record<string, unknown>> = Object(parsed(line));
    if (msg === "Server started" && typeof url === "string") listening(Number(new URL(url).port));
    if (msg === "graceful_shutdown_completed") this.#keep(receipt);
  }

  #heard(line: string): void {
    this.#words.push(line);
    if (this.#words.length > LAST_WORDS) this.#words.shift();
  }

  #keep(receipt: unknown): void {
    const { outcome, phases }: Readonly<Record<string, unknown>> = Object(receipt);
    if (typeof outcome === "string") this.life.outcome = outcome;
    if (Array.isArray(phases)) {
      this.life.phases = phases.map(({ phase, ms }) => ({ phase: String(phase), ms: Number(ms) }));
    }
  }
}
