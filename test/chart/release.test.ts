import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { at, CHART, HELMS, NO_HELM, one, template } from "../support/helm.js";

const ROOT = dirname(CHART);
const yaml = (...path: readonly string[]): unknown => parse(readFileSync(join(ROOT, ...path), "utf8"));
const { version }: { version: string } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

const REPOSITORY = "lastcall/lastcall";
const jobs = at(yaml(".github/workflows/release.yml"), "jobs");

/** The commands of a step of the release, the one that has these words. */
function script(job: string, words: string): string {
  const steps = at(jobs, job, "steps");
  assert.ok(Array.isArray(steps));
  const found = steps.map((step) => String(at(step, "run") ?? "")).filter((run) => run.includes(words));
  assert.equal(found.length, 1, words);
  return found.join();
}

describe("a release", { skip: NO_HELM }, () => {
  for (const helm of HELMS) {
    it(`goes on only when tag, package, chart and image agree (Helm ${helm.major})`, () => {
      // As the runner does it, with the real Helm before any other; jq is Node here.
      const jq = "jq() { node --print \"require('./$3').version\"; }";
      const env = { ...process.env, PATH: `${dirname(helm.path)}:${process.env["PATH"]}` };
      const agree = (TAG: string, GITHUB_REPOSITORY: string) =>
        spawnSync("bash", ["-e", "-o", "pipefail", "-c", `${jq}\n${script("image", "helm show")}`], {
          cwd: ROOT,
          env: { ...env, TAG, GITHUB_REPOSITORY },
          encoding: "utf8",
        });
      const good = agree(`v${version}`, "LastCall/lastcall");
      assert.equal(good.status, 0, good.stderr);
      assert.notEqual(agree("v9.9.9", REPOSITORY).status, 0);
      assert.notEqual(agree(`v${version}`, "somebody/lastcall").status, 0);
    });
  }

  it("has the chart beside the image, under another name, and after it", () => {
    assert.equal(at(jobs, "chart", "needs"), "image");
    assert.match(script("chart", "helm push"), /registry="ghcr\.io\/\$\{GITHUB_REPOSITORY_OWNER,,\}\/charts"/);
    const readme = readFileSync(join(CHART, "README.md"), "utf8");
    assert.ok(readme.includes(`oci://ghcr.io/${dirname(REPOSITORY)}/charts/${at(yaml("chart/Chart.yaml"), "name")}`));
  });

  it("points home to one repository, where the runbook of its alerts is", async () => {
    const chart = yaml("chart/Chart.yaml");
    const home = `https://github.com/${REPOSITORY}`;
    assert.deepEqual([at(chart, "home"), at(chart, "sources")], [home, [home]]);
    const rule = one(await template({ rules: { enabled: true } }), "PrometheusRule");
    const url = at(rule, "spec", "groups", 0, "rules", 0, "annotations", "runbook_url");
    assert.equal(url, `${home}/blob/v${version}/chart/RUNBOOK.md#lastcalldrainnearbudget`);
  });

  it("tells Artifact Hub the images that the chart runs", async () => {
    const objects = await template();
    const images = ["Deployment", "StatefulSet"].map((kind) =>
      at(one(objects, kind), "spec", "template", "spec", "containers", 0, "image"),
    );
    assert.equal(images[0], `ghcr.io/${REPOSITORY}:${version}`);
    const told: unknown = parse(String(at(yaml("chart/Chart.yaml"), "annotations", "artifacthub.io/images")));
    assert.ok(Array.isArray(told));
    assert.deepEqual(
      told.map((entry) => at(entry, "image")),
      images,
    );
  });
});
