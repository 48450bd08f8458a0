/** What the benches need of the machine: cores to pin to, a C compiler, a clock, and words to say what it is. */
import { spawnSync } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./report.js";

/** Where the compiled benches stand; the C programs are put beside them. */
const here = import.meta.dirname;
/** The project's folder: `.build/bench.js` runs every bench in it. */
export const root = process.cwd();

const pinning = cpus().length > 1 && spawnSync("taskset", ["-V"]).status === 0;

/** The server has the first core for itself; load and harness run on the second (`.build/bench.js` puts us there). */
export function onServerCore(command: readonly string[]): readonly string[] {
  return pinning ? ["taskset", "-c", "0", ...command] : command;
}

export function onLoadCore(command: readonly string[]): readonly string[] {
  return pinning ? ["taskset", "-c", "1", ...command] : command;
}

/** Compiles `test/bench/<source>.c` and gives the program's path. Throws when there is no C compiler. */
export function compile(source: string, name = source, flags: readonly string[] = []): string {
  const program = join(here, name);
  const compiler = process.env["CC"] ?? "cc";
  const run = spawnSync(compiler, ["-O2", "-o", program, join(root, "test/bench", `${source}.c`), ...flags], {
    encoding: "utf8",
  });
  if (run.error) throw new Error(`the benches need Linux and a C compiler (\`${compiler}\`): ${run.error.message}`);
  if (run.status !== 0) throw new Error(`${source}.c does not compile:\n${run.stderr}`);
  return program;
}

/** The path of a compiled bench program written in TypeScript. */
export function compiled(path: string): string {
  return join(here, `${path}.js`);
}

/** Milliseconds on CLOCK_MONOTONIC, the clock of the load's own timestamps. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A self-signed certificate in a folder of its own, as the servers' environment. */
export function certificate(): Readonly<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "lastcall-bench-tls-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const [cert, key] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  const how = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=bench".split(" ");
  const run = spawnSync("openssl", ["req", ...how, "-out", cert, "-keyout", key], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`openssl makes no certificate: ${run.error?.message ?? run.stderr}`);
  return { TLS_CERT_FILE: cert, TLS_KEY_FILE: key };
}

/** What a durable write costs on the disk of `folder`: 4 KB and fdatasync, ms, the median of 100. */
export function syncMs(folder: string): number {
  const own = mkdtempSync(join(folder, "lastcall-bench-sync-"));
  const file = openSync(join(own, "file"), "w");
  const bytes = Buffer.alloc(4_096);
  const taken = Array.from({ length: 100 }, (_, i) => {
    const startedAt = performance.now();
    writeSync(file, bytes, 0, bytes.length, i * bytes.length);
    fdatasyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  rmSync(own, { recursive: true });
  return median(taken);
}

/** CPU time that a process has had so far, ms; a tick of the kernel's accounting is 10 ms. */
export function processorMs(pid: number): number {
  // The name, in parentheses, may hold anything; the fields are counted from its end. See proc_pid_stat(5).
  const [user = "", system = ""] = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "")
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

/** Resident memory of a process in bytes: exact from smaps_rollup where the kernel has it, else VmRSS. */
export function residentBytes(pid: number): number {
  const kilobytes = (path: string, label: string) => {
    const found = new RegExp(`^${label}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/${path}`, "utf8"));
    if (!found) throw new Error(`no ${label} in /proc/${pid}/${path}`);
    return Number(found[1]);
  };
  try {
    return kilobytes("smaps_rollup", "Rss") * 1024;
  } catch {
    return kilobytes("status", "VmRSS") * 1024;
  }
}

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() || "unknown CPU";
  const where = pinning ? "server pinned to core 0, load to core 1" : "nothing pinned";
  return `${cpus().length} cores (${model}), Node ${process.version}, Linux, TCP ${congestionControl()}; ${where}`;
}

/** It matters: BBR paces what is sent, and shows in the latencies. */
function congestionControl(): string {
  return readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "utf8").trim();
}
