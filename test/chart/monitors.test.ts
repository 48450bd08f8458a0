import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at, envOf, type Manifest, NO_HELM, one, template, type Values } from "../support/helm.js";
import { CASES } from "./cases.js";
import { operatorFaults } from "./operator.js";

const MONITORS = ["PodMonitor", "ServiceMonitor"];
const monitorsOf = (objects: readonly Manifest[]) => objects.filter(({ kind }) => MONITORS.includes(String(kind)));

async function drainOf(values: Values) {
  const spec = at(one(await template(values), "Deployment", "rel-lastcall"), "spec", "template", "spec");
  const env = envOf(at(spec, "containers", 0));
  return { linger: env["METRICS_LINGER_SECONDS"], grace: at(spec, "terminationGracePeriodSeconds") };
}

describe("the chart's monitor", { skip: NO_HELM }, () => {
  it("is none unless asked for, then one: of pods, or of a Service by its EndpointSlices", async () => {
    assert.deepEqual(monitorsOf(await template()), []);
    const [pods, ...noMore] = monitorsOf(await template({ monitor: { enabled: true } }));
    assert.equal(pods?.["kind"], "PodMonitor");
    assert.deepEqual(noMore, []);
    const [service, ...none] = monitorsOf(await template({ monitor: { enabled: true, kind: "ServiceMonitor" } }));
    assert.equal(service?.["kind"], "ServiceMonitor");
    assert.equal(at(service, "spec", "serviceDiscoveryRole"), "EndpointSlice");
    assert.deepEqual(none, []);
  });

  it("is of the port that has /metrics, and there over TLS when that speaks it", async () => {
    const endpoint = async (values: Values) => {
      const objects = await template({ ...values, monitor: { enabled: true } });
      return at(one(objects, "PodMonitor"), "spec", "podMetricsEndpoints", 0);
    };
    const plain = { path: "/metrics", interval: "10s", scrapeTimeout: "5s" };
    assert.deepEqual(await endpoint({}), { port: "http", ...plain });
    const tls = { tls: { secretName: "tls" } };
    const secure = { port: "http", ...plain, scheme: "https", tlsConfig: { insecureSkipVerify: true } };
    assert.deepEqual(await endpoint(tls), secure);
    assert.deepEqual(await endpoint({ ...tls, adminPort: 9090 }), { port: "admin", ...plain });
  });

  it("has labels of its own, as rules and dashboard have, which win over the common ones", async () => {
    const labels = { release: "prometheus" };
    const commonLabels = { release: "common", team: "a" };
    const on = { enabled: true, labels };
    const objects = await template({ commonLabels, monitor: on, rules: on, dashboard: on });
    for (const kind of ["PodMonitor", "PrometheusRule", "ConfigMap", "Deployment"]) {
      const found = at(one(objects, kind), "metadata", "labels");
      const release = kind === "Deployment" ? "common" : "prometheus";
      assert.deepEqual([at(found, "release"), at(found, "team")], [release, "a"], kind);
    }
  });

  it("selects the server's pods, and the Services that have its port", async () => {
    for (const [kind, selected] of [
      ["PodMonitor", ["Deployment rel-lastcall"]],
      ["ServiceMonitor", ["Service rel-lastcall", "Service rel-lastcall-admin"]],
    ] as const) {
      const values = { adminPort: 9090, client: { enabled: true }, monitor: { enabled: true, kind } };
      const objects = await template(values);
      const wanted = Object.entries(at(one(objects, kind), "spec", "selector", "matchLabels") ?? {});
      const found = objects.filter((object) => {
        if (kind === "ServiceMonitor" ? object["kind"] !== "Service" : at(object, "spec", "template") === undefined)
          return false;
        const labels =
          kind === "ServiceMonitor"
            ? at(object, "metadata", "labels")
            : at(object, "spec", "template", "metadata", "labels");
        return wanted.every(([key, value]) => at(labels, key) === value);
      });
      assert.deepEqual(
        found.map((object) => `${object["kind"]} ${at(object, "metadata", "name")}`).toSorted(),
        selected,
      );
    }
  });

  it("and the rules have only fields that the operator knows", async () => {
    const seen = new Set<unknown>();
    for (const [name, values] of Object.entries(CASES)) {
      for (const object of await template(values)) {
        const faults = operatorFaults(object);
        if (faults !== undefined) seen.add(object["kind"]);
        assert.deepEqual(faults ?? [], [], `${name}: ${object["kind"]}`);
      }
    }
    assert.deepEqual([...seen].sort(), ["PodMonitor", "PrometheusRule", "ServiceMonitor"]);
    const [monitor] = monitorsOf(await template({ monitor: { enabled: true } }));
    const broken = { ...monitor, spec: { selector: {}, podMetricsEndpoints: [{ port: "http", timeout: "5s" }] } };
    assert.match(String(operatorFaults(broken)), /additional properties.*timeout/);
  });
});

describe("the linger", { skip: NO_HELM }, () => {
  const grace = 50;

  it("is nothing without a monitor, and with one an interval and its timeout, which the grace period gets too", async () => {
    const monitor = { enabled: true };
    assert.deepEqual(await drainOf({}), { linger: "0", grace });
    assert.deepEqual(await drainOf({ monitor }), { linger: "15", grace: grace + 15 });
    const slow = { enabled: true, interval: "1m", scrapeTimeout: "1500ms" };
    assert.deepEqual(await drainOf({ monitor: slow }), { linger: "62", grace: grace + 62 });
    const config = { METRICS_LINGER_SCRAPES: 2 };
    assert.deepEqual(await drainOf({ monitor, config }), { linger: "25", grace: grace + 25 });
  });

  it("is what is given, with a monitor too", async () => {
    const monitor = { enabled: true };
    assert.equal((await drainOf({ monitor, shutdown: { lingerSeconds: 0 } })).linger, "0");
    assert.equal((await drainOf({ monitor, shutdown: { lingerSeconds: 40 } })).linger, "40");
  });

  it("is what the limit of a Spot machine leaves", async () => {
    const spot = { profile: "spot", monitor: { enabled: true } };
    assert.deepEqual(await drainOf(spot), { linger: "0", grace: 15 });
    assert.deepEqual(await drainOf({ ...spot, shutdown: { requestsSeconds: 1 } }), { linger: "2", grace: 15 });
  });
});

describe("the chart's rules", { skip: NO_HELM }, () => {
  async function rulesOf(rules: Values, values: Values = { monitor: { enabled: true } }) {
    const object = one(await template({ ...values, rules: { enabled: true, ...rules } }), "PrometheusRule");
    const group = at(object, "spec", "groups", 0, "rules");
    assert.ok(Array.isArray(group));
    return group.map((rule) => ({
      alert: String(at(rule, "alert")),
      expr: String(at(rule, "expr")),
      for: at(rule, "for"),
      labels: at(rule, "labels"),
      runbook: at(rule, "annotations", "runbook_url"),
    }));
  }
  const ofDrainCut = async (rules: Values, values?: Values) => {
    const found = (await rulesOf(rules, values)).find(({ alert }) => alert === "LastcallDrainCut");
    assert.ok(found);
    return found;
  };

  it("each have a severity, a place in the runbook, and the labels that are given", async () => {
    for (const { labels, runbook, alert } of await rulesOf({ alertLabels: { team: "a" } })) {
      assert.match(String(at(labels, "severity")), /^(warning|critical)$/);
      assert.equal(at(labels, "team"), "a");
      assert.match(String(runbook), new RegExp(`^https://.+/RUNBOOK\\.md#${alert.toLowerCase()}$`));
    }
    assert.equal(
      (await ofDrainCut({ runbookUrl: "https://wiki/runbook" })).runbook,
      "https://wiki/runbook#lastcalldraincut",
    );
    assert.equal((await ofDrainCut({ runbookUrl: "" })).runbook, undefined);
  });

  it("can each be left out, and have another severity, time and threshold", async () => {
    const all = await rulesOf({});
    const less = await rulesOf({ alerts: { LastcallDrainCut: { enabled: false } } });
    const left = all.map(({ alert }) => alert).filter((alert) => alert !== "LastcallDrainCut");
    assert.deepEqual(
      less.map(({ alert }) => alert),
      left,
    );
    assert.deepEqual(await rulesOf({ alerts: { LastcallDrainCut: null } }), less);
    const other = await ofDrainCut({ alerts: { LastcallDrainCut: { severity: "page", for: "5m", threshold: 3 } } });
    assert.deepEqual([at(other.labels, "severity"), other.for], ["page", "5m"]);
    assert.match(other.expr, /> 3$/m);
  });

  it("are about the series of this release, however it is scraped, or of those that are given", async () => {
    const selector = async (rules: Values, values?: Values) =>
      /\{(.*), outcome="cut"\}/.exec((await ofDrainCut(rules, values)).expr)?.[1];
    assert.equal(await selector({}), 'namespace="ns", job=~"ns/rel-lastcall|rel-lastcall"');
    assert.equal(await selector({}, { adminPort: 9090 }), 'namespace="ns", job=~"ns/rel-lastcall|rel-lastcall-admin"');
    assert.equal(await selector({ selector: 'app="lastcall"' }), 'app="lastcall"');
    for (const { alert, expr } of await rulesOf({})) assert.doesNotMatch(expr, /\$[a-z]/, alert);
  });

  it("do not say of a pod that it was killed where its last figures are not waited for", async () => {
    const needing = ["LastcallKilledWithoutReceipt", "LastcallNoDrainFigures"];
    const names = async (values: Values) => (await rulesOf({}, values)).map(({ alert }) => alert);
    const monitor = { enabled: true };
    const all = await names({ monitor });
    assert.deepEqual(
      all.filter((alert) => needing.includes(alert)),
      needing,
    );
    const without = all.filter((alert) => !needing.includes(alert));
    assert.deepEqual(await names({ monitor, shutdown: { lingerSeconds: 0 } }), without);
    assert.deepEqual(await names({ monitor, shutdown: { lingerSeconds: 14 } }), without);
    assert.deepEqual(await names({ monitor, profile: "spot", shutdown: { requestsSeconds: 1 } }), without);
    assert.deepEqual(await names({ shutdown: { lingerSeconds: 14 } }), all);
    assert.deepEqual(await names({}), without);
  });
});
