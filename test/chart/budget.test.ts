import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { BUDGET_DEFAULTS, neededMs } from "../../src/drain/budget.js";
import { readSettings } from "../../src/service/env.js";
import { at, CHART, envOf, type How, NO_HELM, one, template, type Values } from "../support/helm.js";

async function podOf(values: Values, how: How = {}) {
  const spec = at(one(await template(values, how), "Deployment", "rel-lastcall"), "spec", "template", "spec");
  const container = at(spec, "containers", 0);
  return { spec, container, env: envOf(container), grace: at(spec, "terminationGracePeriodSeconds") };
}

const SUM = [
  "FINISH_TIMEOUT_SECONDS",
  "DRAIN_STAGGER_SECONDS",
  "CLOSE_TIMEOUT_SECONDS",
  "REQUESTS_TIMEOUT_SECONDS",
  "RELEASE_TIMEOUT_SECONDS",
  "METRICS_LINGER_SECONDS",
];

describe("the chart's budget", { skip: NO_HELM }, () => {
  const profiles: Readonly<Record<string, unknown>> = parse(readFileSync(join(CHART, "files/profiles.yaml"), "utf8"));

  it("is preStop 5, then 40 s, then 5 s of margin by default", async () => {
    const { env, grace, container } = await podOf({});
    assert.equal(grace, 50);
    assert.equal(env["GRACEFUL_SHUTDOWN_TIMEOUT"], "40");
    assert.equal(env["PRESTOP_SLEEP_SECONDS"], "5");
    assert.deepEqual(at(container, "lifecycle", "preStop"), { sleep: { seconds: 5 } });
  });

  it("has in every profile the sum of its own parts, which the process accepts", async () => {
    for (const [profile, preset] of Object.entries(profiles)) {
      const { env, grace } = await podOf({ profile, service: { type: "NodePort" } });
      const number = (name: string) => Number(env[name]);
      const window = Math.max(0, number("ENDPOINT_REMOVAL_MAX_SECONDS") - number("PRESTOP_SLEEP_SECONDS"));
      const needed = SUM.reduce((total, name) => total + number(name), window);
      assert.equal(number("GRACEFUL_SHUTDOWN_TIMEOUT"), needed, profile);
      const margin = Number(at(preset, "shutdown", "marginSeconds"));
      assert.equal(grace, number("PRESTOP_SLEEP_SECONDS") + needed + margin, profile);
      readSettings({ ...textsOf(env), JOURNAL_URL: "memory:", POD_NAME: "a" });
    }
  });

  it("counts in every profile where its removal time comes from", () => {
    for (const [profile, preset] of Object.entries(profiles)) {
      const removal = at(preset, "removal");
      assert.ok(Array.isArray(removal) && removal.length > 0, profile);
      const sum = removal.reduce((total: number, part) => total + Number(at(part, "seconds")), 0);
      assert.equal(sum, at(preset, "shutdown", "endpointRemovalSeconds"), profile);
      const limit = at(preset, "graceLimit");
      for (const part of limit === undefined ? removal : [...removal, limit]) {
        if (at(part, "what") !== "margin") assert.match(String(at(part, "source")), /^https:\/\//, profile);
      }
    }
  });

  it("presets what each way to a pod needs", async () => {
    const preStop = Object.entries(profiles).map(([name, preset]) => [name, at(preset, "shutdown", "preStopSeconds")]);
    const expected = { "in-cluster": 5, kong: 10, "alb-ip": 25, "alb-instance": 70, nlb: 120, "gke-neg": 40, spot: 0 };
    assert.deepEqual(Object.fromEntries(preStop), expected);
    assert.equal((await podOf({ profile: "spot" })).grace, 15);
  });

  it("moves the deadline, and no phase, with a longer grace period", async () => {
    const { env, grace } = await podOf({ shutdown: { terminationGracePeriodSeconds: 90 } });
    assert.equal(grace, 90);
    const { env: derived } = await podOf({});
    assert.deepEqual(env, { ...derived, GRACEFUL_SHUTDOWN_TIMEOUT: "80" });
  });

  it("takes a value over its profile's, 0 too", async () => {
    const shutdown = { preStopSeconds: 0, endpointRemovalSeconds: 0, endpointRemovalMaxSeconds: 0 };
    const { env, grace, container } = await podOf({ profile: "kong", shutdown });
    assert.equal(env["ENDPOINT_REMOVAL_MAX_SECONDS"], "0");
    assert.equal(grace, 35);
    assert.equal(at(container, "lifecycle"), undefined);
  });

  it("serves newcomers until a restart in place is known too, which begins with the readiness probe", async () => {
    const servedUntil = async (values: Readonly<Record<string, unknown>>) =>
      Number((await podOf(values)).env["ENDPOINT_REMOVAL_SECONDS"]);
    assert.equal(await servedUntil({}), 5 + 2 * 2 + 5);
    assert.equal(await servedUntil({ probes: { readiness: { periodSeconds: 1 } } }), 5 + 1 * 2 + 5);
    // Never past Wmax, never below W; 0 where there is no window.
    assert.equal(await servedUntil({ profile: "kong" }), 20);
    assert.equal(await servedUntil({ profile: "nlb" }), 120);
    const none = { preStopSeconds: 5, endpointRemovalSeconds: 0, endpointRemovalMaxSeconds: 0 };
    assert.equal(await servedUntil({ shutdown: none }), 0);
  });

  it("says of which profiles the restart in place takes longer than Wmax", () => {
    const ready = at(parse(readFileSync(join(CHART, "values.yaml"), "utf8")), "probes", "readiness");
    const unready = Number(at(ready, "periodSeconds")) * Number(at(ready, "failureThreshold"));
    const longer = Object.entries(profiles).filter(([, preset]) => {
      const number = (part: string) => Number(at(preset, "shutdown", `${part}Seconds`));
      const gone = number("preStop") + unready + number("endpointRemoval");
      return at(preset, "nodeTargets") !== true && gone > number("endpointRemovalMax");
    });
    const names = longer.map(([name]) => `\`${name}\``).join(", ");
    assert.ok(readFileSync(join(CHART, "README.md"), "utf8").includes(`more than Wmax (profiles ${names})`), names);
  });

  it("is the process's own sum", async () => {
    const { env } = await podOf({ shutdown: { preStopSeconds: 7, lingerSeconds: 11 } });
    const needed = neededMs({ ...BUDGET_DEFAULTS, preStopMs: 7_000, lingerMs: 11_000 });
    assert.equal(Number(env["GRACEFUL_SHUTDOWN_TIMEOUT"]) * 1_000, needed);
  });

  it("sleeps by node where Kubernetes has no action for it", async () => {
    const { container } = await podOf({}, { kube: "1.29" });
    const command = ["node", "-e", "setTimeout(() => {}, 5000)"];
    assert.deepEqual(at(container, "lifecycle", "preStop"), { exec: { command } });
  });

  it("stands in the pod template, never in the ConfigMap", async () => {
    const objects = await template({ config: { LOG_LEVEL: "debug", MAX_PINNED_BYTES: 67108864, TEXT_PUBLISH: false } });
    const map = one(objects, "ConfigMap");
    assert.deepEqual(at(map, "data"), { LOG_LEVEL: "debug", MAX_PINNED_BYTES: "67108864", TEXT_PUBLISH: "false" });
  });

  it("is what helm test compares with the pod's own figures", async () => {
    const values = { shutdown: { staggerSeconds: 20, terminationGracePeriodSeconds: 100 } };
    const test = one(await template(values), "Pod");
    const expected = { window: 10, finish: 5, stagger: 20, close: 5, requests: 10, release: 5, linger: 0, total: 90 };
    const { BUDGET } = envOf(at(test, "spec", "containers", 0));
    assert.deepEqual(JSON.parse(String(BUDGET)), expected);
  });
});

function textsOf(env: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(env).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : []));
  return Object.fromEntries(texts);
}
