// node .build/prometheus.js: a Prometheus with Kubernetes' discovery, which Debian's is built without, for the tests on a
// cluster. Built with Go from its module (some minutes, once) and kept in the user's cache.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./tools.js";

/** 3.5.1, the release line with long-term support. */
const MODULE = "github.com/prometheus/prometheus/cmd/prometheus@v0.305.1";

const cache = cacheFolder("lastcall-prometheus");
mkdirSync(cache, { recursive: true });
const work = mkdtempSync(join(cache, "build-"));
try {
  const [program] = MODULE.split("@");
  writeFileSync(join(work, "go.mod"), "module prometheus\n\ngo 1.24\n");
  writeFileSync(join(work, "tools.go"), `//go:build tools\n\npackage tools\n\nimport _ "${program}"\n`);
  go("get", MODULE);
  go("build", "-trimpath", "-ldflags=-s -w", "-o", "prometheus", program);
  renameSync(join(work, "prometheus"), join(cache, "prometheus"));
  process.stdout.write(`${join(cache, "prometheus")}\n`);
} finally {
  rmSync(work, { recursive: true });
}

function go(...args) {
  const env = { ...process.env, CGO_ENABLED: "0" };
  const { status, error } = spawnSync("go", args, { cwd: work, env, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`go ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}
