import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { Watch } from "./watch.js";

const run = promisify(execFile);

/** Every append is on disk before it is acknowledged. */
export const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

/** A real redis-server (or redis-sentinel) with a folder and a port of its own. It is the caller's to `remove`. */
export class RedisServer {
  readonly port: number;
  readonly directory: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, directory: string, args: readonly string[]) {
    this.port = port;
    this.directory = directory;
    this.#args = args;
  }

  /** Starts one on a free port; resolves when it takes connections. `args` as on its command line. */
  static async start(args: readonly string[] = []): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), "redis-"));
    const server = new RedisServer(await freePort(), directory, args);
    await server.start();
    return server;
  }

  /** A Sentinel that watches `master` under the name `mymaster`, alone. */
  static async startSentinel(master: RedisServer): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), "redis-sentinel-"));
    const config = join(directory, "sentinel.conf");
    const settings = [
      `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
      "sentinel down-after-milliseconds mymaster 500",
      "sentinel failover-timeout mymaster 3000",
    ];
    await writeFile(config, settings.join("\n"));
    const server = new RedisServer(await freePort(), directory, [config, "--sentinel"]);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Of its process, while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it again, after `stop` or `kill`, with what it had on disk. */
  async start(): Promise<void> {
    const own = ["--port", `${this.port}`, "--bind", "127.0.0.1", "--dir", this.directory];
    // A replica is served at once, not when others may have come to share the work.
    const server = ["--save", "", "--repl-diskless-sync-delay", "0"];
    const sentinel = this.#args.includes("--sentinel");
    const [file, args] = sentinel ? [this.#args.slice(0, 1), this.#args.slice(1)] : [[], [...server, ...this.#args]];
    const child = spawn("redis-server", [...file, ...own, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    const watch = new Watch();
    const lines: string[] = [];
    createInterface(child.stdout).on("line", (line) => {
      lines.push(line);
      watch.changed();
    });
    child.once("error", (error) => watch.end(() => `redis-server: ${error.message}`));
    child.once("exit", (code) => watch.end(() => `redis-server ended with ${code}:\n${lines.join("\n")}`));
    const ready = sentinel ? "+monitor master" : "Ready to accept connections";
    await watch.until(() => lines.find((line) => line.includes(ready)));
  }

  /** Ends it as an operator does. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** Ends it as a power cut does. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Connections stay, and nothing answers on them. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** The answer of one command, as redis-cli prints it. */
  async command(...args: readonly string[]): Promise<string> {
    const { stdout } = await run("redis-cli", ["-e", "-p", `${this.port}`, ...args]);
    return stdout.trim();
  }

  /** Makes it the replica of `master`, and waits until it has everything. */
  async follow(master: RedisServer): Promise<void> {
    await this.command("REPLICAOF", "127.0.0.1", `${master.port}`);
    while (!(await this.command("INFO", "replication")).includes("master_link_status:up"));
  }

  /**
   * Waits until it holds everything that its `master` does at this moment. `WAIT` would not do: it waits for what was
   * written on its own connection. And a link that is up may have carried nothing yet: the master begins with the
   * replica's first acknowledgement, up to a second later.
   */
  async caughtUp(master: RedisServer): Promise<void> {
    const offset = async (server: RedisServer, name: string) => {
      const info = await server.command("INFO", "replication");
      return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
    };
    const goal = await offset(master, "master_repl_offset");
    while ((await offset(this, "slave_repl_offset")) < goal);
  }

  /** Makes it the replica of nobody, and gives its address to `successor`; its connections stay. */
  async depose(successor: RedisServer): Promise<void> {
    const elsewhere = await freePort();
    await this.command("REPLICAOF", "127.0.0.1", "1");
    await this.command("CONFIG", "SET", "port", `${elsewhere}`);
    await successor.command("CONFIG", "SET", "port", `${this.port}`);
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }
}

/**
 * A port that nobody listens on at this moment, from below those that the system gives to outgoing connections (32768 on):
 * a server that is away would find its own taken when it comes back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    return port;
  }
}
