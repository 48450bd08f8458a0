// npm test [-- filter… --node-option…]: builds, then runs every test file of dist/test. A filter is a part of a path
// ("drain"); some folders are left out unless a filter begins with their name ("browser/"). What starts with a dash goes
// to `node --test` (--test-name-pattern=…).
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureChartTools } from "./chart-tools.js";
import { ensureTools } from "./tools.js";

const root = join(import.meta.dirname, "..");
// These need more than Node and npm, or measure instead of testing: only whoever names them gets them.
const APART = ["bench", "browser", "cluster"];
/** What starts a Redis: a test that imports it, by whatever way, needs one. */
const REDIS = "dist/test/support/redis.js";
/** What runs Helm. */
const HELM = "dist/test/support/helm.js";
/** What runs a Prometheus and its promtool. */
const PROMETHEUS = "dist/test/support/prometheus.js";
/** One file may take this long (ms) before it is ended as failed; only a file that hangs comes near it. */
const FILE_LIMIT_MS = 300_000;

process.exitCode = (await run(["node", join(root, ".build/build.js")])) || (await test(process.argv.slice(2)));

async function test(args) {
  const options = args.filter((arg) => arg.startsWith("-"));
  const filters = args.filter((arg) => !arg.startsWith("-"));
  const files = await testFiles(filters);
  // `node --test` without files would look for some itself, and pass when it finds none.
  if (files.length === 0) {
    process.stderr.write(`no test file in dist/test${filters.length ? ` matches ${filters.join(", ")}` : ""}\n`);
    return 1;
  }
  try {
    const all = imported(files);
    if (all.has(REDIS)) ensureTools("redis-server");
    if (all.has(HELM)) chartTools();
    if (all.has(PROMETHEUS)) prometheus();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  const leaks = pathToFileURL(join(root, "dist/test/support/leaks.js")).href;
  return run([
    "node",
    "--test",
    "--test-reporter=spec",
    `--test-concurrency=${Math.min(4, availableParallelism())}`,
    `--test-timeout=${FILE_LIMIT_MS}`,
    `--import=${leaks}`,
    ...options,
    ...files,
  ]);
}

/** Where Helm cannot be had (no registry, another platform), the chart's tests are skipped, and say why. */
function chartTools() {
  try {
    ensureChartTools();
  } catch (error) {
    process.stderr.write(`THE CHART'S TESTS ARE SKIPPED: ${error.message}\n`);
    process.env.NO_HELM = error.message;
  }
}

/** Where Prometheus cannot be had, what needs the real one is skipped, and says why. */
function prometheus() {
  try {
    ensureTools("prometheus", "promtool");
  } catch (error) {
    process.stderr.write(`THE TESTS WITH PROMETHEUS ARE SKIPPED: ${error.message}\n`);
    process.env.NO_PROMETHEUS = error.message;
  }
}

async function testFiles(filters) {
  const entries = await readdir(join(root, "dist/test"), { recursive: true });
  return entries
    .filter((file) => file.endsWith(".test.js"))
    .filter((file) => !APART.some((folder) => file.startsWith(`${folder}/`) && !isNamed(folder, filters)))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort()
    .map((file) => join("dist/test", file));
}

/** These files of dist/test and all of its files that they import, and those import. */
function imported(files) {
  const all = new Set(files);
  // What is added on the way is visited too.
  for (const file of all) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [, path] of text.matchAll(/\bfrom "(\.[^"]+)"/g)) {
      const other = join(dirname(file), path);
      // A test of the layers quotes imports of files that there are none of.
      if (other.startsWith("dist/test/") && existsSync(join(root, other))) all.add(other);
    }
  }
  return all;
}

function isNamed(folder, filters) {
  return filters.some((filter) => filter.startsWith(`${folder}/`));
}

/** Runs this very Node (whatever PATH says) in the project's folder; gives its exit code. */
function run([, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
    child.once("error", reject).once("exit", (code) => resolve(code ?? 1));
  });
}
