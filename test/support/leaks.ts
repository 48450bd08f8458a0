// Preloaded into every test file (`node --test --import`): when the file's tests and its own `after` hooks are done,
// nothing of them may be left. A listening server, an open socket or a child process fails the file, by name; so does
// anything else that keeps the process from ending.
import { AsyncResource } from "node:async_hooks";
import { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { Server, Socket } from "node:net";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/** Inherited by whatever the file starts, and by what that starts in turn. */
const MARKER = "LASTCALL_TEST_ID";
/** What was told to end has this long to be gone, ms. */
const GRACE_MS = 2_000;

interface Leak {
  readonly name: string;
  end(): void;
}

/** Undocumented, but the only way to the handles themselves: `process.getActiveResourcesInfo()` only counts them. */
interface Handles {
  _getActiveHandles(): readonly object[];
}

if (process.env["NODE_TEST_CONTEXT"] !== undefined) {
  process.env[MARKER] = randomUUID();
  // Hooks run in the order they were made, and this one is made first. It is the first call that makes the real one,
  // behind all of the file's own; from outside, because a hook made inside a hook belongs to that hook.
  const outside = new AsyncResource("leaks");
  after(() => outside.runInAsyncScope(() => after(failOnLeaks)));
}

async function failOnLeaks(): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  let leaks = await findLeaks();
  while (leaks.length > 0 && performance.now() < deadline) {
    await sleep(20);
    leaks = await findLeaks();
  }
  // Whatever else keeps the process (a timer, a worker, a file watcher) would otherwise hang the whole run.
  setTimeout(failToEnd, GRACE_MS).unref();
  if (leaks.length === 0) return;
  for (const leak of leaks) leak.end();
  const error = new Error(`${process.argv[1]} left behind:\n${leaks.map((leak) => `  ${leak.name}`).join("\n")}`);
  delete error.stack;
  throw error;
}

function failToEnd(): void {
  process.stderr.write(`${process.argv[1]} does not end: ${process.getActiveResourcesInfo().join(", ")}\n`);
  process.exit(1);
}

async function findLeaks(): Promise<readonly Leak[]> {
  const { _getActiveHandles } = process as NodeJS.Process & Handles;
  const handles = _getActiveHandles();
  const children = new Set(handles.map((handle) => (handle instanceof ChildProcess ? handle.pid : undefined)));
  const others = (await markedProcesses()).filter((pid) => !children.has(pid));
  return [...handles.flatMap(handleLeak), ...(await Promise.all(others.map(processLeak)))];
}

function handleLeak(handle: object): readonly Leak[] {
  if (handle instanceof Server) {
    return [{ name: `server ${JSON.stringify(handle.address())}`, end: () => handle.close() }];
  }
  if (handle instanceof ChildProcess) {
    const name = `child process ${handle.pid}: ${handle.spawnargs.join(" ")}`;
    return [{ name, end: () => handle.kill("SIGKILL") }];
  }
  if (handle instanceof Socket && !isStandardStream(handle)) {
    const { localAddress, localPort, remoteAddress, remotePort } = handle;
    const where = remoteAddress ? `${localAddress}:${localPort} -> ${remoteAddress}:${remotePort}` : "(a pipe)";
    return [{ name: `socket ${where}`, end: () => handle.destroy() }];
  }
  return [];
}

function isStandardStream(socket: Socket): boolean {
  return "fd" in socket && typeof socket.fd === "number" && socket.fd <= 2;
}

/** Live processes that carry this file's marker, however deep they were started (Linux only). */
async function markedProcesses(): Promise<readonly number[]> {
  if (!existsSync("/proc/self/environ")) return [];
  const marker = `${MARKER}=${process.env[MARKER]}`;
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const environments = await Promise.all(pids.map((pid) => readProcess(pid, "environ")));
  return pids.filter((_, index) => environments[index]?.includes(marker));
}

async function processLeak(pid: number): Promise<Leak> {
  return { name: `process ${pid}: ${(await readProcess(pid, "cmdline")).join(" ")}`, end: () => kill(pid) };
}

/** Nothing for a process that is gone, that is a zombie, or that is somebody else's: not ours in each case. */
async function readProcess(pid: number, file: "environ" | "cmdline"): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
  return text.split("\0").filter((part) => part !== "");
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in between.
  }
}
