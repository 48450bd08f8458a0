/** Starts a server under test as a process of its own, and says when it serves and when it has gone. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer, connect as openSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs, onServerCore, root } from "./machine.js";

export interface ServerSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** Milliseconds from just before the spawn to the first 200. */
  readonly startedInMs: number;
  /** Sends `signal` and gives the milliseconds until the process has exited; throws if the exit code is not `expected`. */
  stop(signal: NodeJS.Signals, expected: number | null): Promise<number>;
}

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 60_000;
const running = new Set<ChildProcess>();
const logs = mkdtempSync(join(tmpdir(), "lastcall-bench-"));
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(logs, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Starts `spec` on a free port and resolves at the first 200 on `path`. */
export async function startServer(spec: ServerSpec, path: string): Promise<RunningServer> {
  const port = await freePort();
  const logFile = join(logs, String(port));
  const log = openSync(logFile, "w");
  const [program = "", ...args] = onServerCore(spec.command);
  const env = { ...process.env, ...spec.env, PORT: String(port) };
  const startedAt = monotonicMs();
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", log, log] });
  closeSync(log);
  running.add(child);
  let gone = false;
  const exited = once(child, "exit").then(([code]: unknown[]) => {
    gone = true;
    running.delete(child);
    return { code, at: monotonicMs() };
  });
  const fail = (why: string) => {
    child.kill("SIGKILL");
    return new Error(`${spec.name}: ${why}\n${readFileSync(logFile, "utf8").slice(-2000)}`);
  };
  while (!(await answers200(port, path))) {
    if (gone || child.pid === undefined) throw fail("exited before it served");
    if (monotonicMs() - startedAt > START_LIMIT_MS) throw fail(`no 200 on ${path} within ${START_LIMIT_MS} ms`);
    await delay(1);
  }
  const startedInMs = monotonicMs() - startedAt;
  return {
    pid: child.pid ?? 0,
    port,
    startedInMs,
    async stop(signal, expected) {
      const asked = monotonicMs();
      child.kill(signal);
      const limit = AbortSignal.timeout(STOP_LIMIT_MS);
      const exit = await Promise.race([exited, once(limit, "abort").then(() => undefined)]);
      if (exit === undefined) throw fail(`still there ${STOP_LIMIT_MS} ms after ${signal}`);
      if (exit.code !== expected) throw fail(`exit code ${exit.code} after ${signal}, expected ${expected}`);
      return exit.at - asked;
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

/** One cheap question: a bare socket, one write, the first bytes of the answer. A refused connection is a no. */
function answers200(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = openSocket(port, "127.0.0.1");
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.on("error", () => answer(false));
    socket.on("close", () => answer(false));
    socket.on("data", (bytes) => answer(bytes.toString("latin1", 0, 13) === "HTTP/1.1 200 "));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
  });
}
