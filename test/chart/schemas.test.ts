import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { at, CHART, HELMS, helm, NO_HELM, nameOf, template, type Values } from "../support/helm.js";
import { kubernetesSchemas } from "../support/kubernetes-schemas.js";
import { CASES } from "./cases.js";

/** The oldest supported, the first with the native sleep, the one of our cluster, the newest there are schemas of. */
const VERSIONS = ["1.28", "1.30", "1.34", "1.37"];
/** Kinds of others, whose schemas are not Kubernetes'. */
const FOREIGN = [
  "BackendConfig",
  "GCPBackendPolicy",
  "HTTPRoute",
  "HealthCheckPolicy",
  "KongUpstreamPolicy",
  "PodMonitor",
  "PrometheusRule",
  "ServiceMonitor",
];

async function cases(): Promise<Readonly<Record<string, Values>>> {
  const files = await readdir(join(CHART, "ci"));
  const texts = await Promise.all(files.map((file) => readFile(join(CHART, "ci", file), "utf8")));
  return { ...CASES, ...Object.fromEntries(files.map((file, i) => [file, parse(texts[i] ?? "")])) };
}

describe("the chart's objects", { skip: NO_HELM }, () => {
  for (const chosen of HELMS) {
    it(`are linted by Helm ${chosen.major}`, async () => {
      for (const [name, values] of Object.entries(await cases())) {
        const { ok, stdout, stderr } = await helm(chosen, ["lint", CHART, "--strict"], values);
        assert.ok(ok, `${name}: ${stdout}${stderr}`);
      }
    });
  }

  for (const kube of VERSIONS) {
    it(`are what Kubernetes ${kube} knows, field by field`, async () => {
      const schemas = kubernetesSchemas(kube);
      const foreign = new Set<unknown>();
      for (const [name, values] of Object.entries(await cases())) {
        for (const object of await template(values, { kube })) {
          const faults = schemas.faultsOf(object);
          if (faults === undefined) foreign.add(object["kind"]);
          assert.deepEqual(faults ?? [], [], `${name}: ${object["kind"]} ${nameOf(object)}`);
        }
      }
      assert.deepEqual([...foreign].sort(), FOREIGN);
    });
  }

  it("are told apart from ones with a field too much, of a wrong type, or a missing one", () => {
    const schemas = kubernetesSchemas("1.34");
    const budget = (spec: Values) =>
      schemas.faultsOf({ apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: { name: "a" }, spec });
    assert.deepEqual(budget({ maxUnavailable: 0 }), []);
    assert.equal(budget({ maxUnavailable: 0, nope: 1 })?.length, 1);
    assert.notEqual(budget({ maxUnavailable: [] })?.length, 0);
    const deployment = schemas.faultsOf({ apiVersion: "apps/v1", kind: "Deployment", spec: { template: {} } });
    assert.match(String(deployment), /selector/);
  });

  it("are the same with Helm 3 and Helm 4", async () => {
    const [three, four] = HELMS;
    assert.ok(three && four);
    for (const values of Object.values(await cases())) {
      assert.deepEqual(await template(values, { helm: three }), await template(values, { helm: four }));
    }
  });

  it("are of the package's version", async () => {
    const { version } = JSON.parse(await readFile(join(CHART, "../package.json"), "utf8"));
    const chart: unknown = parse(await readFile(join(CHART, "Chart.yaml"), "utf8"));
    assert.deepEqual([at(chart, "version"), at(chart, "appVersion")], [version, version]);
  });

  it("each have a name of their own and the common labels", async () => {
    for (const values of Object.values(await cases())) {
      const objects = (await template({ ...values, commonLabels: { team: "a" }, extraObjects: [] })).map((object) => {
        assert.equal(at(object, "metadata", "labels", "team"), "a", `${object["kind"]} ${nameOf(object)}`);
        return `${object["kind"]} ${nameOf(object)}`;
      });
      assert.equal(new Set(objects).size, objects.length);
    }
  });
});
