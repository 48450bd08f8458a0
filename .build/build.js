// npm run build: dist/src and dist/test (tsc), then dist/bin: the launcher, one CommonJS bundle with all dependencies
// (and one of what only tracing needs), their licenses, and V8's code cache for the Node that builds.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "./bundle.js";
import { warm } from "./warm.js";

const root = join(import.meta.dirname, "..");
const bin = join(root, "dist/bin");

try {
  await timed("tsc", compile);
  const id = await timed("bundle", pack);
  await timed("code cache", () => warm(root, join(bin, `lastcall.${id}.${process.versions.v8}.${process.arch}.cache`)));
} catch (error) {
  process.stderr.write(`build failed: ${error.message}\n`);
  process.exitCode = 1;
}

async function compile() {
  await rm(join(root, "dist"), { recursive: true, force: true });
  const tsc = spawn(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [code, signal] = await new Promise((resolve, reject) => {
    tsc.once("error", reject).once("exit", (...how) => resolve(how));
  });
  if (code !== 0) throw new Error(`tsc ended with ${signal ?? code}; its messages are above`);
}

async function pack() {
  const { codes, licenses } = await bundle(root);
  const id = createHash("sha256").update(codes["lastcall.cjs"]).digest("hex").slice(0, 8);
  const launcher = await readFile(join(import.meta.dirname, "launcher.cjs"), "utf8");
  await mkdir(bin, { recursive: true });
  await Promise.all([
    ...Object.entries(codes).map(([file, code]) => writeFile(join(bin, file), code)),
    writeFile(join(bin, "lastcall.LICENSES.txt"), licenses),
    writeFile(join(bin, "lastcall.js"), launcher.replace("BUILD_ID", id)),
    // The package is ESM; this one folder is not.
    writeFile(join(bin, "package.json"), '{ "type": "commonjs" }\n'),
  ]);
  await chmod(join(bin, "lastcall.js"), 0o755);
  return id;
}

async function timed(what, step) {
  const start = performance.now();
  const result = await step();
  process.stdout.write(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  return result;
}
