// Programs the tests run that npm does not bring: found on the PATH, or installed (Debian, Ubuntu), or asked for.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The Debian package that brings a program. */
const PACKAGES = { "redis-server": "redis-server", "redis-sentinel": "redis-sentinel", chromium: "chromium" };

/** Sees to it that the programs are there; throws, with what to do, when they cannot be had. */
export function ensure(...programs) {
  const missing = programs.filter((program) => !found(program));
  if (missing.length === 0) return;
  const packages = missing.map((program) => PACKAGES[program]).join(" ");
  const apt = ["apt-get update -qq", `DEBIAN_FRONTEND=noninteractive apt-get install -qq -y ${packages}`].join(" && ");
  const root = process.getuid?.() === 0 ? "sh" : found("sudo") ? "sudo -n sh" : undefined;
  if (root === undefined || !found("apt-get"))
    throw new Error(`the tests need ${missing.join(", ")}: install ${packages}`);
  process.stdout.write(`the tests need ${missing.join(", ")}: installing ${packages} (apt-get)\n`);
  const [command, ...args] = root.split(" ");
  const { status } = spawnSync(command, [...args, "-c", apt], { stdio: ["ignore", "ignore", "inherit"] });
  const still = missing.filter((program) => !found(program));
  if (still.length > 0)
    throw new Error(`${still.join(", ")} could not be installed (apt-get: ${status}): install ${packages}`);
}

function found(program) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
