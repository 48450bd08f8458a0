import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { at, CHART, NO_HELM, one, template, type Values } from "../support/helm.js";
import { NO_PROMETHEUS, Prometheus } from "../support/prometheus.js";
import { type Env, Service } from "../support/service.js";
import { type Dashboard, dashboardOf, queriesOf } from "./dashboards.js";

const ON = { monitor: { enabled: true }, rules: { enabled: true }, dashboard: { enabled: true } };
const TARGET = { namespace: "ns", job: "ns/rel-lastcall", pod: "pod-under-test" };

/** What Grafana puts in for its variables. */
const CHOSEN = { $namespace: "ns", $job: "ns/rel-lastcall", $pod: "pod-under-test" };
const RANGES = { $__rate_interval: "1m", $__interval: "1m", $__range: "1h" };

interface Asked {
  readonly what: string;
  readonly expr: string;
}

async function askedByTheChart(
  values: Values = {},
): Promise<{ rules: unknown; alerts: readonly Asked[]; panels: readonly Asked[] }> {
  const objects = await template({ ...ON, ...values });
  const rules = at(one(objects, "PrometheusRule"), "spec");
  const group = at(rules, "groups", 0, "rules");
  assert.ok(Array.isArray(group));
  const alerts = group.map((rule) => ({ what: String(at(rule, "alert")), expr: String(at(rule, "expr")) }));
  const dashboard: Dashboard = dashboardOf(objects);
  const panels = queriesOf(dashboard).map(({ title, expr }) => ({ what: title, expr: withChoice(expr) }));
  return { rules, alerts, panels };
}

function withChoice(expr: string): string {
  return Object.entries({ ...CHOSEN, ...RANGES }).reduce((text, [name, value]) => text.replaceAll(name, value), expr);
}

/** The series that an expression asks for. */
const selectorsOf = (expr: string) => [...expr.matchAll(/\b[a-z_0-9]+\{[^}]*\}/g)].map(([selector]) => selector);
/** Names without a selector, which would be of everybody's pods. */
const bareIn = (expr: string) =>
  [...expr.matchAll(/\b(?:lastcall|graceful|process|nodejs)_[a-z_0-9]+\b(?!\{)/g)].map(([name]) => name);
/** The labels that it groups and matches by. */
const labelsOf = (expr: string) =>
  [...expr.matchAll(/\b(?:by|on|ignoring) ?\(([^)]*)\)/g)].flatMap(([, labels = ""]) => labels.split(", "));

/** What an expression asks for and this Prometheus has nothing of. */
async function missing(prometheus: Prometheus, { expr }: Asked): Promise<string[]> {
  const selectors = selectorsOf(expr);
  assert.notEqual(selectors.length, 0, expr);
  const counted = async (selector: string) => (await prometheus.query(`count(${selector})`)).length > 0;
  const faults = bareIn(expr);
  for (const selector of selectors) if (!(await counted(selector))) faults.push(selector);
  for (const label of new Set(labelsOf(expr))) {
    const having = selectors.map((selector) => counted(selector.replace("}", `, ${label}!=""}`)));
    if (!(await Promise.all(having)).includes(true)) faults.push(label);
  }
  return faults;
}

describe("what the chart asks Prometheus", { skip: NO_HELM || NO_PROMETHEUS, timeout: 120_000 }, () => {
  async function scraped(t: TestContext, rules: unknown = undefined, env: Env = {}) {
    const lingering = { METRICS_LINGER_SECONDS: "20", GRACEFUL_SHUTDOWN_TIMEOUT: "120" };
    const service = await Service.start(t, { ...lingering, ...env });
    const prometheus = await Prometheus.start(t, [service.url.host], 1, { labels: TARGET, rules });
    await prometheus.until('up{pod="pod-under-test"} == 1', 1);
    return { service, prometheus };
  }

  it("is there, series and labels", async (t) => {
    const { prometheus } = await scraped(t);

    await t.test("for the alerts and the dashboard", async () => {
      const { alerts, panels } = await askedByTheChart();
      for (const asked of [...alerts, ...panels]) {
        assert.deepEqual(await missing(prometheus, asked), [], asked.what);
        await prometheus.query(asked.expr);
      }
    });

    await t.test("for the runbook", async () => {
      const text = readFileSync(join(CHART, "RUNBOOK.md"), "utf8");
      const queries = [...text.matchAll(/```promql\n(.*?)```/gs)].flatMap(([, block = ""]) => block.trim().split("\n"));
      assert.ok(queries.length > 15);
      for (const expr of queries) {
        assert.deepEqual(await missing(prometheus, { what: "", expr }), [], expr);
        await prometheus.query(expr);
      }
    });

    await t.test("and would be missed if it were not", async () => {
      const faults = (expr: string) => missing(prometheus, { what: "", expr });
      assert.deepEqual(await faults('sum by (pod) (lastcall_ready{reason="ready"})'), []);
      assert.deepEqual(await faults("sum(lastcall_redy{})"), ["lastcall_redy{}"]);
      assert.deepEqual(await faults('sum(lastcall_ready{reason="redy"})'), ['lastcall_ready{reason="redy"}']);
      assert.deepEqual(await faults('sum by (pad) (up{job!=""})'), ["pad"]);
      assert.deepEqual(await faults("lastcall_ready + lastcall_ready{}"), ["lastcall_ready"]);
    });
  });

  it("answers for a pod that drained and is gone; no alert fires", async (t) => {
    const { rules, panels } = await askedByTheChart();
    const { service, prometheus } = await scraped(t, rules);
    service.signal("SIGTERM");
    assert.equal((await service.ended()).code, 0);
    await prometheus.until("up == 0", 1);

    const answer = async (title: string) => {
      const asked = panels.find(({ what }) => what === title);
      assert.ok(asked, title);
      return await prometheus.query(asked.expr);
    };
    const drains = (await answer("Drains in this time")).map(({ labels, value }) => [labels["outcome"], value]);
    assert.deepEqual(Object.fromEntries(drains), { clean: 1, cut: 0, failed: 0 });
    const phases = (await answer("Longest of each phase")).map(({ labels }) => String(labels["phase"]));
    assert.deepEqual(phases.toSorted(), ["announce", "close", "finish", "release", "requests", "window"]);
    const [duration] = await answer("Duration, and what there is of it");
    assert.equal(duration?.labels["pod"], "pod-under-test");

    const { health, states } = await rulesNow(prometheus);
    assert.deepEqual(new Set(health), new Set(["ok"]));
    // Nobody is ready any more, which is an alert if it stays so.
    const { LastcallZeroReady, ...others } = states;
    assert.notEqual(LastcallZeroReady, "firing");
    assert.deepEqual(new Set(Object.values(others)), new Set(["inactive"]));
  });

  it("tells of a process that was killed in its drain", async (t) => {
    const alerts = { LastcallKilledWithoutReceipt: { for: "0m" } };
    const { rules } = await askedByTheChart({ rules: { enabled: true, alerts } });
    const window = { ENDPOINT_REMOVAL_SECONDS: "50", ENDPOINT_REMOVAL_MAX_SECONDS: "50" };
    const { service, prometheus } = await scraped(t, rules, window);
    service.signal("SIGTERM");
    await prometheus.until("graceful_shutdown_in_progress == 1", 1);
    service.signal("SIGKILL");
    await prometheus.until('ALERTS{alertname="LastcallKilledWithoutReceipt", alertstate="firing"}', 1);
    const firing = await prometheus.query('ALERTS{alertstate="firing"}');
    assert.deepEqual(
      firing.map(({ labels }) => labels["alertname"]),
      ["LastcallKilledWithoutReceipt"],
    );
  });
});

/** What Prometheus says of its rules, once it has evaluated them all after what it knows now. */
async function rulesNow(prometheus: Prometheus) {
  const asked = Date.now();
  for (;;) {
    const response = await fetch(new URL("/api/v1/rules", prometheus.url));
    const rules = at(await response.json(), "data", "groups", 0, "rules");
    assert.ok(Array.isArray(rules));
    if (rules.every((rule) => Date.parse(String(at(rule, "lastEvaluation"))) > asked)) {
      const states = rules.map((rule) => [String(at(rule, "name")), String(at(rule, "state"))]);
      return { health: rules.map((rule) => at(rule, "health")), states: Object.fromEntries(states) };
    }
    await sleep(50);
  }
}
