import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Part } from "../../src/drain/budget.js";
import type { Receipt } from "../../src/drain/events.js";
import { Watch } from "./watch.js";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** What `npm run build` made; the very file that `lastcall` runs. */
export const BIN = join(ROOT, "dist/bin/lastcall.js");

export type Env = Readonly<Record<string, string>>;

/** Everything at once, and a feed that is worth looking at. */
const QUICK: Env = {
  HOST: "127.0.0.1",
  PORT: "0",
  JOURNAL_URL: "memory:",
  POD_NAME: "pod-under-test",
  ENDPOINT_REMOVAL_MAX_SECONDS: "0",
  DRAIN_STAGGER_SECONDS: "0",
  FEED_INTERVAL_SECONDS: "0.1",
  FEED_FINAL_ITEMS: "3",
  TERMINATION_MESSAGE_PATH: "/nowhere/termination-log",
};

export interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly pid: number;
  readonly version: string;
  readonly msg: string;
  readonly revision?: string;
  readonly url?: string;
  readonly admin?: number;
  readonly phase?: string;
  readonly outcome?: string;
  readonly clients?: number;
  readonly fate?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly signal?: string;
  readonly items?: number;
  readonly warning?: string;
  readonly err?: { readonly message: string };
  readonly plan?: { readonly totalMs: number; readonly windowMinMs: number; readonly parts: readonly Part[] };
  readonly receipt?: Receipt;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Pipes {
  readonly stdin?: boolean;
  readonly ipc?: boolean;
}

/** A program in a process of its own, with every line it writes. */
export class Program {
  readonly lines: string[] = [];
  /** Settles when the process is gone and everything it wrote has been read. */
  readonly exit: Promise<Exit>;
  readonly child: ChildProcess;
  protected readonly watch = new Watch();
  #stderr = "";

  constructor(t: TestContext, command: readonly [string, ...string[]], env: Env, pipes: Pipes = {}) {
    const [file, ...args] = command;
    this.child = spawn(file, args, {
      cwd: ROOT,
      env: clean(env),
      stdio: [pipes.stdin ? "pipe" : "ignore", "pipe", "pipe", pipes.ipc ? "ipc" : "ignore"],
    });
    t.after(() => this.end());
    const { stdout, stderr } = this.child;
    if (stdout === null || stderr === null) throw new Error(`${file} has no output`);
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.watch.changed();
    });
    createInterface(stdout).on("line", (line) => {
      this.read(line);
      this.watch.changed();
    });
    this.exit = once(this.child, "close").then(([code, signal]) => {
      this.watch.end(() => `ended with ${signal ?? code}:\n${this.lines.slice(-20).join("\n")}\n${this.#stderr}`);
      return { code, signal };
    });
  }

  get stderr(): string {
    return this.#stderr;
  }

  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new Error("not running");
    return pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Ends it the hard way, if it is still there. */
  async end(): Promise<void> {
    if (this.running) this.child.kill("SIGKILL");
    await this.exit;
  }

  /** The first line from the `from`-th on that has `text`. */
  text(text: string, from = 0): Promise<string> {
    return this.watch.until(() => this.lines.slice(from).find((line) => line.includes(text)));
  }

  protected read(line: string): void {
    this.lines.push(line);
  }
}

/** `lastcall serve`, with its log. */
export class Service extends Program {
  readonly log: LogLine[] = [];

  /** Starts it and waits until it serves. */
  static async start(t: TestContext, env: Env = {}, options: ServiceOptions = {}): Promise<Service> {
    const service = Service.launch(t, env, options);
    await service.logged("Server started");
    // Ready is a moment later: when it has looked at its journal.
    await service.logged("Dependency checked");
    return service;
  }

  /** Starts it and waits for nothing. */
  static launch(t: TestContext, env: Env = {}, { around = [], node = [] }: ServiceOptions = {}): Service {
    const command = [...around, process.execPath, ...node, BIN, "serve"] as const;
    const [file = process.execPath, ...args] = command;
    return new Service(t, [file, ...args], { ...QUICK, ...env }, { ipc: node.length > 0 });
  }

  /** Where it is served; known once it has started. */
  get url(): URL {
    const url = this.log.find(({ msg }) => msg === "Server started")?.url;
    if (url === undefined) throw new Error("not started");
    return new URL(url);
  }

  /** Where health, ready and metrics are served with an `ADMIN_PORT`. */
  get adminUrl(): URL {
    const port = this.log.find(({ msg }) => msg === "Server started")?.admin;
    if (port === undefined) throw new Error("no admin port");
    return new URL(`http://127.0.0.1:${port}`);
  }

  /** The first log line with these words, and more if need be; waits for it. */
  logged(msg: string, also: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    return this.watch.until(() => this.log.find((line) => line.msg === msg && also(line)));
  }

  /** Every log line so far with these words. */
  all(msg: string): readonly LogLine[] {
    return this.log.filter((line) => line.msg === msg);
  }

  /** Waits for the end; gives the exit code and what the last line says: the receipt. */
  async ended(): Promise<{ readonly code: number | null; readonly receipt: Receipt }> {
    const { code, signal } = await this.exit;
    const last = this.log.at(-1);
    if (last?.msg !== "graceful_shutdown_completed" || last.receipt === undefined) {
      throw new Error(`ended with ${signal ?? code}; its last line: ${this.lines.at(-1)}\n${this.stderr}`);
    }
    return { code, receipt: last.receipt };
  }

  protected override read(line: string): void {
    super.read(line);
    this.log.push(JSON.parse(line));
  }
}

export interface ServiceOptions {
  /** A command that runs it. */
  readonly around?: readonly string[];
  /** Node's own options; with some, the process also has an IPC channel. */
  readonly node?: readonly string[];
}

/** The module that makes a service misbehave, as Node's option. */
export function unruly(mode = ""): readonly string[] {
  return [`--import=${new URL(`./unruly.js?${mode}`, import.meta.url).href}`];
}

/** Nothing of the environment of the test may reach what is tested, except how to find things and how to be found. */
function clean(env: Env): Env {
  const { PATH = "", HOME, TMPDIR, LASTCALL_TEST_ID } = process.env;
  const kept = { HOME, TMPDIR, LASTCALL_TEST_ID, PATH: `${dirname(process.execPath)}:${PATH}` };
  return {
    ...Object.fromEntries(
      Object.entries(kept).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    ...env,
  };
}
