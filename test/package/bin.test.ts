import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = dirname(createRequire(import.meta.url).resolve("lastcall/package.json"));
const bin = join(root, "dist/bin");
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { readonly version: string };

/** Says on stderr what V8 made of the code cache that the launcher handed to it. */
const witness = `
  const vm = require("node:vm");
  vm.Script = class extends vm.Script {
    constructor(source, options) {
      super(source, options);
      process.stderr.write(\`cache rejected: \${this.cachedDataRejected}\`);
    }
  };`;

/** A copy of dist/bin, alone in a folder: neither node_modules nor the package around it. */
async function copyOfBin(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "bin-"));
  t.after(() => rm(directory, { recursive: true }));
  await cp(bin, directory, { recursive: true });
  await writeFile(join(directory, "witness.cjs"), witness);
  return directory;
}

async function cacheIn(directory: string): Promise<string> {
  const [cache, ...more] = (await readdir(directory)).filter((file) => file.endsWith(".cache"));
  assert.ok(cache !== undefined && more.length === 0, "the build leaves one cache, for the Node that runs it");
  return join(directory, cache);
}

function versionBy(directory: string): Promise<{ stdout: string; stderr: string }> {
  const args = ["--require", join(directory, "witness.cjs"), join(directory, "lastcall.js"), "--version"];
  return run(process.execPath, args);
}

describe("dist/bin", () => {
  test("runs by itself, from the build's code cache", async (t) => {
    const directory = await copyOfBin(t);
    await cacheIn(directory);
    assert.deepEqual(await versionBy(directory), { stdout: `${version}\n`, stderr: "cache rejected: false" });
  });

  test("runs without a cache", async (t) => {
    const directory = await copyOfBin(t);
    await rm(await cacheIn(directory));
    assert.deepEqual(await versionBy(directory), { stdout: `${version}\n`, stderr: "cache rejected: undefined" });
  });

  test("runs with a damaged cache", async (t) => {
    const directory = await copyOfBin(t);
    const cache = await cacheIn(directory);
    await writeFile(cache, (await readFile(cache)).subarray(0, 1_000));
    assert.deepEqual(await versionBy(directory), { stdout: `${version}\n`, stderr: "cache rejected: true" });
  });

  test("has all that tracing needs beside it, and not in it", async (t) => {
    const directory = await copyOfBin(t);
    const load = "process.stdout.write(Object.keys(require(process.argv[1])).join())";
    const { stdout } = await run(process.execPath, ["-e", load, join(directory, "lastcall-tracing.cjs")]);
    assert.equal(stdout, "startTracing");
    const [main, tracing] = await Promise.all(
      ["lastcall.cjs", "lastcall-tracing.cjs"].map((file) => readFile(join(directory, file), "utf8")),
    );
    // prom-client brings OpenTelemetry's interfaces, which do nothing.
    for (const name of ["@fastify/otel", "@opentelemetry/sdk-trace", "@opentelemetry/otlp-transformer"]) {
      assert.ok(!main?.includes(`node_modules/${name}/`) && tracing?.includes(`node_modules/${name}/`), name);
    }
  });

  test("carries the licenses of what is bundled", async () => {
    const licenses = await readFile(join(bin, "lastcall.LICENSES.txt"), "utf8");
    for (const name of ["fastify", "ws", "pino", "prom-client", "@fastify/otel", "@opentelemetry/sdk-trace"]) {
      assert.match(licenses, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
    }
  });
});

test("the package holds the built code, and neither tests, maps nor caches", async () => {
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root });
  const [pack] = JSON.parse(stdout) as { readonly files: readonly { readonly path: string }[] }[];
  const paths = pack?.files.map((file) => file.path) ?? [];
  for (const path of [
    "dist/bin/lastcall.js",
    "dist/bin/lastcall.cjs",
    "dist/bin/lastcall-tracing.cjs",
    "dist/src/index.js",
    "dist/src/index.d.ts",
    "LICENSE",
  ]) {
    assert.ok(paths.includes(path), `${path} is missing`);
  }
  assert.deepEqual(
    paths.filter((path) => /\.(map|cache)$|^(dist\/)?test\/|^\./.test(path)),
    [],
  );
});
