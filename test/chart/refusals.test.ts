import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { CHART, HELMS, NO_HELM, refusal, template, type Values } from "../support/helm.js";

interface Refusal {
  readonly values: Values;
  /** The value, its bound, and what it got. */
  readonly says: readonly string[];
  readonly kube?: string;
}

const alone = { replicaCount: 1, strategy: { type: "Recreate" }, valkey: { enabled: false } };

/** One for each `fail` of the templates, in their order. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  "a grace period shorter than the drain": {
    values: { shutdown: { terminationGracePeriodSeconds: 30 } },
    says: [
      "shutdown.terminationGracePeriodSeconds: at least 50, the sum of the drain, got 30",
      "requests    10 s  shutdown.requestsSeconds",
      "sum         50 s",
    ],
  },
  "phases longer than the process allows": {
    values: { shutdown: { terminationGracePeriodSeconds: 4000 } },
    says: ["shutdown: the phases at most 3600 s (GRACEFUL_SHUTDOWN_TIMEOUT), got 3990"],
  },
  "more than a spot machine gives": {
    values: { profile: "spot", shutdown: { requestsSeconds: 10 } },
    says: ["profile spot gives a pod at most 15 s, the sum of the drain is 22", "requests    10 s"],
  },
  "W beyond its maximum": {
    values: { shutdown: { endpointRemovalSeconds: 20 } },
    says: ["shutdown.endpointRemovalSeconds: at most 15 (shutdown.endpointRemovalMaxSeconds), got 20"],
  },
  "Local with a preStop shorter than the removal": {
    values: { shutdown: { preStopSeconds: 4 }, service: { type: "NodePort", externalTrafficPolicy: "Local" } },
    says: ["shutdown.preStopSeconds: at least 5 (shutdown.endpointRemovalSeconds)", "is Local", "got 4"],
  },
  "readiness that turns after the window": {
    values: { probes: { readiness: { periodSeconds: 10 } } },
    says: [
      "probes.readiness: periodSeconds x failureThreshold at most 15 (shutdown.endpointRemovalMaxSeconds)",
      "got 10 x 2 = 20",
    ],
  },
  "a deadline before a pod counts as available": {
    values: { minReadySeconds: 600 },
    says: ["progressDeadlineSeconds: more than 600 (minReadySeconds), got 600"],
  },
  "no surge and none unavailable": {
    values: { strategy: { maxSurge: "0%" } },
    says: ["strategy: maxSurge or maxUnavailable more than 0, got 0 for both"],
  },
  "an HPA from more to less": {
    values: { autoscaling: { enabled: true, minReplicas: 11 } },
    says: ["autoscaling.minReplicas: at most 10 (autoscaling.maxReplicas), got 11"],
  },
  "an HPA without a metric": {
    values: { autoscaling: { enabled: true, targetCPUUtilizationPercentage: null } },
    says: ["autoscaling: targetCPUUtilizationPercentage or metrics, got neither"],
  },
  "two ports that are one": {
    values: { adminPort: 8080 },
    says: ["adminPort: another one than port (8080), got 8080"],
  },
  "Kong's checks on a port that has no /ready": {
    values: { adminPort: 9090, kong: { enabled: true } },
    says: ["adminPort: null with kong.enabled", "got 9090"],
  },
  "Local for a ClusterIP": {
    values: { service: { externalTrafficPolicy: "Local" } },
    says: ["service.externalTrafficPolicy: Local needs service.type NodePort or LoadBalancer, got ClusterIP"],
  },
  "a node's port of a Service that has none": {
    values: { service: { nodePort: 30080 } },
    says: ["service.nodePort: null with service.type ClusterIP, got 30080"],
  },
  "a traffic distribution that Kubernetes does not know yet": {
    values: { service: { trafficDistribution: "PreferClose" } },
    kube: "1.30",
    says: ["service.trafficDistribution: null before Kubernetes 1.31, got PreferClose on v1.30"],
  },
  "one that Kubernetes knows from 1.34 on": {
    values: { service: { trafficDistribution: "PreferSameNode" } },
    kube: "1.33",
    says: ["service.trafficDistribution: PreferClose before Kubernetes 1.34, got PreferSameNode on v1.33"],
  },
  "a part of the budget by the back door": {
    values: { extraEnv: [{ name: "GRACEFUL_SHUTDOWN_TIMEOUT", value: "1" }] },
    says: ["extraEnv: none that other values set (shutdown, port, tls, journal), got GRACEFUL_SHUTDOWN_TIMEOUT"],
  },
  "an Ingress without a host": {
    values: { ingress: { enabled: true } },
    says: ["ingress.hosts: at least one with ingress.enabled, got none"],
  },
  "a route without a Gateway": {
    values: { httpRoute: { enabled: true } },
    says: ["httpRoute.parentRefs: at least one with httpRoute.enabled, got none"],
  },
  "a time limit that GKE refuses": {
    values: {
      gke: { gateway: true },
      httpRoute: { enabled: true, parentRefs: [{ name: "gateway" }], requestTimeout: "10s" },
    },
    says: ["httpRoute.requestTimeout: 0s or empty with gke.gateway", "gke.timeoutSeconds", "got 10s"],
  },
  "two journals": {
    values: { journal: { url: "redis://redis" } },
    says: ["exactly one of valkey.enabled, journal.existingSecret and journal.url, got valkey.enabled and journal.url"],
  },
  "a file for two pods": {
    values: { ...alone, journal: { url: "lmdb:/data" }, replicaCount: 2 },
    says: ["journal.url: lmdb:/data is of one pod only: replicaCount at most 1, got 2"],
  },
  "a journal in memory with a rolling update": {
    values: { ...alone, journal: { url: "memory:" }, strategy: { type: "RollingUpdate" } },
    says: ["journal.url: memory: is of one pod only", "strategy.type Recreate, got RollingUpdate"],
  },
  "a file beside the volume": {
    values: { ...alone, journal: { url: "lmdb:./data" } },
    says: ["journal.url: lmdb:/data or a folder below, where the volume is, got lmdb:./data"],
  },
  "a scrape that may take longer than its interval": {
    values: { monitor: { enabled: true, interval: "5s", scrapeTimeout: "5001ms" } },
    says: ["monitor.scrapeTimeout: at most 5s (monitor.interval), or the operator rejects the PodMonitor; got 5001ms"],
  },
  "a disruption budget of two rules": {
    values: { podDisruptionBudget: { minAvailable: 1 } },
    says: ["podDisruptionBudget: exactly one of maxUnavailable and minAvailable, got both"],
  },
  "a disruption budget of none": {
    values: { podDisruptionBudget: { maxUnavailable: 0 } },
    says: ["podDisruptionBudget.maxUnavailable: at least 1", "got 0"],
  },
  "a disruption budget of as many as there are": {
    values: { podDisruptionBudget: { maxUnavailable: null, minAvailable: 2 } },
    says: ["podDisruptionBudget.minAvailable: less than 2 pods (replicaCount)", "got 2"],
  },
};

/** Other ways into the same `fail`s. */
const MORE: Readonly<Record<string, Refusal>> = {
  "a node-target profile with a shorter preStop": {
    values: { profile: "alb-instance", shutdown: { preStopSeconds: 69 } },
    says: ["shutdown.preStopSeconds: at least 70", "profile alb-instance sends to nodes", "got 69"],
  },
  "a grace period shorter than the drain and the linger of a monitor": {
    values: { monitor: { enabled: true }, shutdown: { terminationGracePeriodSeconds: 50 } },
    says: ["at least 65, the sum of the drain, got 50", "linger      15 s  shutdown.lingerSeconds"],
  },
  "a linger that a spot machine does not give": {
    values: { profile: "spot", monitor: { enabled: true }, shutdown: { lingerSeconds: 15 } },
    says: ["profile spot gives a pod at most 15 s, the sum of the drain is 30", "linger      15 s"],
  },
  "no journal": { values: { valkey: { enabled: false } }, says: ["got none"] },
  "a file for a fleet that may grow": {
    values: { ...alone, journal: { url: "memory:" }, autoscaling: { enabled: true, minReplicas: 1 } },
    says: ["autoscaling.maxReplicas at most 1, got 10"],
  },
  "a disruption budget of all": {
    values: { podDisruptionBudget: { maxUnavailable: null, minAvailable: "100%" } },
    says: ["podDisruptionBudget.minAvailable: less than 2 pods", "got 100%, which is 2"],
  },
  // Kubernetes rounds a percentage up.
  "a disruption budget of a part that is rounded up to all": {
    values: { podDisruptionBudget: { maxUnavailable: null, minAvailable: "51%" } },
    says: ["podDisruptionBudget.minAvailable: less than 2 pods", "got 51%, which is 2"],
  },
  "a disruption budget of no rule": {
    values: { podDisruptionBudget: { maxUnavailable: null } },
    says: ["got neither"],
  },
};

/** What the closed schema refuses. */
const CLOSED: Readonly<Record<string, Values>> = {
  "a value that there is none of": { replicas: 2 },
  "a misspelled part of the budget": { shutdown: { prestopSeconds: 5 } },
  "a part of a second": { shutdown: { closeSeconds: 0.5 } },
  "a time below 0": { shutdown: { closeSeconds: -1 } },
  "a setting that the chart owns": { config: { GRACEFUL_SHUTDOWN_TIMEOUT: 50 } },
  "a setting beyond its bounds": { config: { MAX_ITEM_BYTES: 1 } },
  "a profile that there is none of": { profile: "elb" },
  "a journal of another kind": { valkey: { enabled: false }, journal: { url: "postgres://a" } },
  "a privileged port": { port: 80 },
  "a monitor of another kind": { monitor: { kind: "Probe" } },
  "an interval without a unit": { monitor: { interval: "10" } },
  "an interval of nothing": { monitor: { interval: "0s" } },
  "an alert that there is none of": { rules: { alerts: { LastcallNope: { enabled: false } } } },
  "half of an alert's number": { rules: { alerts: { LastcallDrainCut: { threshold: "1" } } } },
  "a label that the chart sets": { commonLabels: { "app.kubernetes.io/version": "2" } },
  "a label of a pod that its Deployment selects by": { podLabels: { "app.kubernetes.io/name": "a" } },
};

describe("what the chart refuses", { skip: NO_HELM }, () => {
  for (const [what, { values, says, kube }] of Object.entries({ ...REFUSALS, ...MORE })) {
    it(what, async () => {
      const told = await refusal(values, kube === undefined ? {} : { kube });
      // Helm 4 indents what it passes on.
      const text = told.replace(/\n\s+/g, "\n");
      for (const part of says) assert.ok(text.includes(part), `${part}\nis not in\n${told}`);
    });
  }

  it("nothing of what a chart above it may add", async () => {
    await template({ enabled: true, global: { region: "a" } });
  });

  it("is not a budget of half the pods, nor of none that are there", async () => {
    await template({ podDisruptionBudget: { maxUnavailable: null, minAvailable: "50%" } });
    await template({ replicaCount: 0, podDisruptionBudget: { maxUnavailable: null, minAvailable: 1 } });
  });

  it("is every `fail` of its templates", () => {
    const folder = join(CHART, "templates");
    const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => /\.(tpl|yaml|txt)$/.test(file))
      .map((file) => readFileSync(join(folder, file), "utf8"));
    assert.equal(texts.join("").match(/\bfail ["(]/g)?.length, Object.keys(REFUSALS).length);
  });

  for (const helm of HELMS) {
    it(`what its schema does not know, in Helm ${helm.major}`, async () => {
      for (const values of Object.values(CLOSED)) assert.match(await refusal(values, { helm }), /schema/);
    });
  }
});
