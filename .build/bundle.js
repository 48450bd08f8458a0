// The service and its dependencies as one file of CommonJS. Readable on purpose (no shortened names, no lost lines): its
// stack traces end up in somebody's log at night.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import * as esbuild from "esbuild";

/**
 * Bundles dist/src/cli.js, and apart from it what only those load who trace: read and kept in memory, it would cost the
 * others too. Gives the code by the files' names, and the license texts of everything in it.
 */
export async function bundle(root) {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const { outputFiles, metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: { lastcall: "dist/src/cli.js", "lastcall-tracing": "dist/src/service/tracing.js" },
    outdir: "dist/bin",
    outExtension: { ".js": ".cjs" },
    write: false,
    metafile: true,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    charset: "ascii",
    minifySyntax: true,
    // `import()` becomes a lazy require: inside the bundle it is one anyway, and the launcher's script has no module loader.
    supported: { "dynamic-import": false },
    define: {
      // ws would search the disk for its two optional native helpers at every start.
      "process.env.WS_NO_BUFFER_UTIL": '"1"',
      "process.env.WS_NO_UTF_8_VALIDATE": '"1"',
    },
    plugins: [fixedBuild(version, revisionOf(root)), lmdb(root), tracingApart],
    legalComments: "external",
    logLevel: "warning",
    // A bundle has no import.meta: code that reads it would only fail at run time.
    logOverride: { "empty-import-meta": "error" },
  });
  const codes = Object.fromEntries(FILES.map((file) => [file, textOf(outputFiles, file)]));
  const odd = codes["lastcall.cjs"].split("\n").findIndex((line) => Buffer.byteLength(line) !== line.length);
  if (odd >= 0) throw new Error(`dist/bin/lastcall.cjs line ${odd + 1} is not ASCII, which the launcher counts on`);
  const comments = FILES.map((file) => textOf(outputFiles, `${file}.LEGAL.txt`)).join("");
  return { codes, licenses: await licensesOf(root, Object.values(metafile.outputs), comments) };
}

const FILES = ["lastcall.cjs", "lastcall-tracing.cjs"];

/** The one place that loads the other bundle. */
const tracingApart = {
  name: "tracing-apart",
  setup(build) {
    build.onResolve({ filter: /^\.\/tracing\.js$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./lastcall-tracing.cjs", external: true } : undefined,
    );
  },
};

/** In the bundle version and revision are constants: package.json is not read at start, nor needed beside it. */
function fixedBuild(version, revision) {
  return {
    name: "fixed-build",
    setup(build) {
      build.onLoad({ filter: /\/dist\/src\/service\/version\.js$/ }, () => ({
        contents: `export const VERSION = ${JSON.stringify(version)}; export const REVISION = ${JSON.stringify(revision)};`,
      }));
    },
  };
}

/** What is built: $REVISION (the image's build, which has no .git), else the checkout's commit, else nobody knows. */
function revisionOf(root) {
  if (process.env.REVISION) return process.env.REVISION;
  if (!existsSync(join(root, ".git"))) return "unknown";
  const args = ["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"];
  const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout.trim() : "unknown";
}

/**
 * lmdb's code becomes part of the bundle, and so of the code cache: loaded from its own files it would add a fifth to the
 * start. Its native part stays a file of its own. What packs objects for it is left out, as the journal stores bytes.
 */
function lmdb(root) {
  const places = {
    lmdb: join(root, "node_modules/lmdb/dist/index.cjs"),
    "node-gyp-build-optional-packages": join(root, ".build/lmdb-native.cjs"),
  };
  return {
    name: "lmdb",
    setup(build) {
      build.onResolve({ filter: /^(lmdb|node-gyp-build-optional-packages)$/ }, ({ path }) => ({ path: places[path] }));
      build.onResolve({ filter: /^msgpackr$/ }, ({ path }) => ({ path, namespace: "left-out" }));
      build.onLoad({ filter: /^/, namespace: "left-out" }, () => ({ contents: "module.exports = {};" }));
    },
  };
}

function textOf(files, name) {
  return files.find((file) => file.path.endsWith(`/${name}`))?.text ?? "";
}

async function licensesOf(root, outputs, comments) {
  const inputs = outputs.flatMap((output) => Object.keys(output.inputs));
  const folders = new Set(inputs.flatMap((input) => input.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []));
  const parts = ["lastcall.cjs and lastcall-tracing.cjs contain the following packages, under their own licenses.\n"];
  for (const folder of [...folders].sort()) parts.push(await licenseOf(join(root, folder), relative(root, folder)));
  if (comments) parts.push(`Notices inside the code:\n\n${comments}`);
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

async function licenseOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const legal = (await readdir(folder)).filter((entry) => /^(licen[cs]e|copying|notice)/i.test(entry)).sort();
  const texts = (await Promise.all(legal.map((entry) => textsIn(join(folder, entry))))).flat();
  return [`${name} ${version} (${license})\n`, ...texts].join("\n");
}

/** A file's text, or that of every file in a folder: what a package has taken over from others. */
async function textsIn(path) {
  if (!(await stat(path)).isDirectory()) return [await readFile(path, "utf8")];
  const entries = (await readdir(path)).sort();
  return (await Promise.all(entries.map((entry) => textsIn(join(path, entry))))).flat();
}
