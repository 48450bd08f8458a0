// Programs the tests need beside Node. On a machine that is ours to change (root, with apt-get: a container, a CI runner)
// what is missing is installed; elsewhere it is asked for.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Each program, and Debian's package of it. */
const PACKAGES = {
  chromium: "chromium",
  "redis-server": "redis-server",
  pip3: "python3-pip",
  prometheus: "prometheus",
  promtool: "prometheus",
};

/** Where what is fetched or built once is kept, for the user's checkouts together. */
export function cacheFolder(name) {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), name);
}

/** Sees to it that these programs of the table are there; throws what to do about those that are not. */
export function ensureTools(...programs) {
  const missing = programs.filter((program) => !isThere(program));
  if (missing.length === 0) return;
  const packages = missing.map((program) => PACKAGES[program]);
  if (process.getuid?.() !== 0 || !isThere("apt-get")) {
    const [names, wanted] = [missing, packages].map((list) => list.join(", "));
    throw new Error(`the tests need ${names}, not found on the PATH; on Debian it is the package ${wanted}`);
  }
  process.stdout.write(`${missing.join(", ")} not found on the PATH: installing ${packages.join(", ")} with apt-get\n`);
  aptGet("update");
  aptGet("install", "--yes", "--no-install-recommends", ...packages);
  const still = missing.filter((program) => !isThere(program));
  if (still.length > 0) throw new Error(`${still.join(", ")} not found on the PATH, though apt-get installed it`);
}

function aptGet(...args) {
  // Its output goes where faults are told: what the tests print is theirs.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, error } = spawnSync("apt-get", ["-qq", ...args], { env, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`apt-get ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}

function isThere(program) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
