import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { json } from "node:stream/consumers";
import { test } from "node:test";

const { resolve } = createRequire(import.meta.url);
const root = dirname(resolve("lastcall/package.json"));
const biome = resolve("@biomejs/biome/bin/biome");

/** What each folder of src/ may import of the others. */
const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ["base"],
  client: ["base", "protocol"],
  drain: ["base"],
  journal: ["base"],
  stream: ["base", "protocol"],
  wire: ["base", "protocol", "stream"],
  server: ["base", "protocol", "drain", "journal", "stream", "wire"],
  service: ["base", "protocol", "client", "drain", "journal", "stream", "wire", "server"],
  rehearsal: ["base", "protocol", "client"],
};

interface Report {
  readonly diagnostics: readonly {
    readonly location: { readonly path: string; readonly start: { readonly line: number } };
  }[];
}

/** Lints one file of these lines for each path, by the project's own rules; gives the lines refused, path by path. */
async function refusedLines(probes: Readonly<Record<string, readonly string[]>>) {
  const directory = await mkdtemp(join(tmpdir(), "layers-"));
  try {
    for (const file of ["biome.json", ".gitignore"]) await copyFile(join(root, file), join(directory, file));
    for (const [path, lines] of Object.entries(probes)) {
      await mkdir(join(directory, dirname(path)), { recursive: true });
      await writeFile(join(directory, path), `${lines.join("\n")}\n`);
    }
    const rules = ["--only=style/noRestrictedImports", "--only=style/noRestrictedGlobals"];
    const args = [biome, "lint", ...rules, "--reporter=json", "--max-diagnostics=none", "."];
    const linter = spawn(process.execPath, args, { cwd: directory, stdio: ["ignore", "pipe", "ignore"] });
    const { diagnostics } = (await json(linter.stdout)) as Report;
    const faults = new Set(diagnostics.map(({ location }) => `${location.path}:${location.start.line}`));
    const refused = Object.entries(probes).map(([path, lines]) => {
      return [path, lines.filter((_, index) => faults.has(`${path}:${index + 1}`))] as const;
    });
    return Object.fromEntries(refused);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("each folder of src/ may import those below it and no other", async () => {
  const all = Object.keys(layers);
  const line = (other: string) => `import "../${other}/file.js";`;
  const probes = all.map((layer) => [`src/${layer}/probe.ts`, ['import "./file.js";', ...all.map(line)]] as const);
  const refused = await refusedLines(Object.fromEntries(probes));
  for (const [layer, allowed] of Object.entries(layers)) {
    const others = all.filter((other) => !allowed.includes(other));
    assert.deepEqual(refused[`src/${layer}/probe.ts`], others.map(line), `src/${layer}`);
  }
});

test("single files that a layer may import of another", async () => {
  const refused = await refusedLines({
    "src/journal/probe.ts": ['import "../protocol/ids.js";', 'import "../protocol/text.js";'],
    "src/stream/probe.ts": ['import "../journal/port.js";', 'import "../journal/memory.js";'],
    "src/wire/probe.ts": ['import "../journal/port.js";', 'import "../journal/memory.js";'],
  });
  assert.deepEqual(refused, {
    "src/journal/probe.ts": ['import "../protocol/text.js";'],
    "src/stream/probe.ts": ['import "../journal/memory.js";'],
    "src/wire/probe.ts": ['import "../journal/memory.js";'],
  });
});

test("what runs anywhere needs neither Node nor a package", async () => {
  const lines = [
    'import "node:fs";',
    'import "fs";',
    'import "ws";',
    'import "@fastify/swagger";',
    'import "../index.js";',
  ];
  const paths = ["base", "protocol", "client", "drain"].map((layer) => `src/${layer}/probe.ts`);
  const refused = await refusedLines(Object.fromEntries([...paths, "src/client.ts"].map((path) => [path, lines])));
  for (const [path, found] of Object.entries(refused)) assert.deepEqual(found, lines, path);
});

test("no spelling of an import goes past the rule", async () => {
  const lines = [
    'import type { A } from "../service/a.js";',
    'export { b } from "../service/b.js";',
    'export * from "../service/c.js";',
    'export const d = () => import("../service/d.js");',
    'import "./../service/e.js";',
    'import "../../src/service/f.js";',
  ];
  const paths = Object.keys(layers).flatMap((layer) => (layer === "service" ? [] : [`src/${layer}/probe.ts`]));
  const refused = await refusedLines(Object.fromEntries(paths.map((path) => [path, lines])));
  for (const [path, found] of Object.entries(refused)) assert.deepEqual(found, lines, path);
});

test("the drain has neither clock nor process of its own", async () => {
  const lines = [
    "export const a = Date.now();",
    "export const b = new Date();",
    "export const c = performance.now();",
    "export const d = setTimeout(() => {}, 1);",
    "export const e = setInterval(() => {}, 1);",
    "export const f = globalThis;",
    "export const g = process.uptime();",
  ];
  const refused = await refusedLines({ "src/drain/probe.ts": lines, "src/service/probe.ts": lines });
  assert.deepEqual(refused, { "src/drain/probe.ts": lines, "src/service/probe.ts": [] });
});
