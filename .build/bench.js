// npm run bench [drain|memory|start|fanout|publish|resume]… [-- --clients N --rounds N --peers]: builds when the sources
// are newer than the bundle, runs the benches named (all by default), prints one Markdown table each. What they measure:
// test/bench/README.md.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { ensureTools } from "./tools.js";

const root = join(import.meta.dirname, "..");
const BENCHES = ["drain", "memory", "start", "fanout", "publish", "resume"];
const words = process.argv.slice(2);
const firstOption = words.findIndex((word) => word.startsWith("--"));
const named = firstOption === -1 ? words : words.slice(0, firstOption);
const options = firstOption === -1 ? [] : words.slice(firstOption);

const unknown = named.filter((name) => !BENCHES.includes(name));
if (unknown.length > 0) refuse(`no such bench: ${unknown.join(", ")} (there are: ${BENCHES.join(", ")})`);
if (process.platform !== "linux") refuse("the benches need Linux (epoll, /proc)");

const wanted = named.length > 0 ? named : BENCHES;
if (wanted.includes("publish")) {
  try {
    ensureTools("redis-server");
  } catch (error) {
    refuse(error.message);
  }
}

if (!isFresh()) run(process.execPath, ".build/build.js");

// The harness and its load share the second core; the servers get the first to themselves.
const pinned = cpus().length > 1 && spawnSync("taskset", ["-V"]).status === 0 ? ["taskset", "-c", "1"] : [];
const { describeMachine } = await import(join(root, "dist/test/bench/machine.js"));
console.log(`${describeMachine()}\n`);
for (const name of wanted) {
  run(...pinned, process.execPath, join("dist/test/bench", `${name}.js`), ...options);
  console.log();
}

/** Whether the bundle, which the build writes last but for its cache, is newer than every source file. */
function isFresh() {
  const bundle = join(root, "dist/bin/lastcall.js");
  if (!existsSync(bundle)) return false;
  const built = statSync(bundle).mtimeMs;
  const sources = ["src", "test", ".build"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((file) => join(root, folder, file)),
  );
  return sources.every((file) => statSync(file).mtimeMs < built);
}

function run(command, ...args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(signal ? 1 : status);
}

function refuse(why) {
  console.error(why);
  process.exit(2);
}
