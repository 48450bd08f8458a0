import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at, NO_HELM, one, template } from "../support/helm.js";
import { NO_PROMETHEUS } from "../support/prometheus.js";
import {
  type AlertTest,
  checkRules,
  EVALUATION_SECONDS,
  type Labels,
  type RuleTest,
  testRules,
} from "../support/promtool.js";
import { ALERTS, type Case, QUIET } from "./alert-cases.js";
import { SCRAPE_SECONDS, seriesOf } from "./pods.js";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

let rendered: Promise<readonly Rule[]> | undefined;
/** Rendered once. */
function chartRules(): Promise<readonly Rule[]> {
  rendered ??= template({ monitor: { enabled: true }, rules: { enabled: true } }).then((objects) => {
    const rules = at(one(objects, "PrometheusRule"), "spec", "groups", 0, "rules");
    assert.ok(Array.isArray(rules));
    return rules;
  });
  return rendered;
}

const fileOf = (rules: readonly Rule[]) => ({ groups: [{ name: "lastcall", rules }] });

/** The seconds of a test, and a while for what has ended to be seen to have. */
const secondsOf = ({ firing }: Case) => Math.max(...Object.keys(firing).map(Number)) + SCRAPE_SECONDS;

/** One case as promtool's test: exactly these alerts fire at these times, and say this. */
function testOf(rules: readonly Rule[], name: string, tested: Case): RuleTest {
  const moments = Object.entries(tested.firing);
  // At any other time promtool would compare with what was so before it.
  for (const [second] of moments) assert.equal(Number(second) % EVALUATION_SECONDS, 0, `${name}: ${second}`);
  return {
    name,
    interval: `${SCRAPE_SECONDS}s`,
    input_series: seriesOf(tested.pods, secondsOf(tested)),
    alert_rule_test: moments.flatMap(([second, expected]) =>
      rules.map((rule) => alertTest(rule, `${second}s`, expected[rule.alert.replace(/\/.*/, "")])),
    ),
  };
}

function alertTest(rule: Rule, time: string, values: Case["firing"][number][string] = []): AlertTest {
  const exp_alerts = values.map(({ value, labels = {} }) => {
    const own = { namespace: "ns", job: "ns/rel-lastcall", ...labels };
    const exp_labels = Object.fromEntries(Object.entries({ ...rule.labels, ...own }).filter(([, text]) => text !== ""));
    return { exp_labels, exp_annotations: expanded(rule.annotations, exp_labels, value) };
  });
  return { eval_time: time, alertname: rule.alert, exp_alerts };
}

/** The annotations with this value and these labels in them, as Prometheus would write them. */
function expanded(annotations: Labels, labels: Labels, value: string): Labels {
  const text = (template: string) =>
    template
      .replace(/\{\{ \$value[^}]*\}\}/g, value)
      .replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? "");
  return Object.fromEntries(Object.entries(annotations).map(([name, template]) => [name, text(template)]));
}

describe("the chart's alerts", { skip: NO_HELM || NO_PROMETHEUS }, () => {
  it("are rules that Prometheus takes", async () => {
    const { ok, output } = await checkRules(fileOf(await chartRules()));
    assert.ok(ok, output);
  });

  for (const [name, tested] of Object.entries(QUIET)) {
    it(`are quiet: ${name}`, async () => {
      const rules = await chartRules();
      const { ok, output } = await testRules(fileOf(rules), [testOf(rules, name, tested)]);
      assert.ok(ok, output);
    });
  }

  for (const [alert, cases] of Object.entries(ALERTS)) {
    it(`${alert} fires when it should, says what it should, and not otherwise`, async () => {
      const rules = await chartRules();
      const tests = Object.entries(cases).map(([name, tested]) => testOf(rules, name, tested));
      const { ok, output } = await testRules(fileOf(rules), tests);
      assert.ok(ok, output);
    });
  }

  it("each have a case in which they fire, and one in which they end or do not begin", async () => {
    const names = (await chartRules()).map(({ alert }) => alert);
    assert.deepEqual(Object.keys(ALERTS).sort(), names.toSorted());
    for (const [alert, cases] of Object.entries(ALERTS)) {
      const fired = Object.values(cases).flatMap(({ firing }) => Object.values(firing).map((now) => alert in now));
      assert.ok(fired.includes(true) && fired.includes(false), alert);
    }
  });
});

describe("a broken alert", { skip: NO_HELM || NO_PROMETHEUS }, () => {
  for (const [alert, cases] of Object.entries(ALERTS)) {
    it(`fails the tests: ${alert}`, async () => {
      const rule = (await chartRules()).find((rule) => rule.alert === alert);
      assert.ok(rule);
      // All of them beside the right one, each by a name of its own: promtool names what fails.
      const broken = mutants(rule.expr).map((expr, i) => ({ ...rule, alert: `${alert}/${i}`, expr }));
      const rules = [rule, ...broken];
      const tested = { ...cases, rollout: QUIET["an ordinary rollout"] };
      const tests = Object.entries(tested).map(([name, tested]) => testOf(rules, name, tested));
      const { output } = await testRules(fileOf(rules), tests);
      assert.doesNotMatch(output, /parse error/);
      const failed = new Set([...output.matchAll(/alertname: ?([\w/]+)/g)].map(([, name]) => name));
      assert.ok(!failed.has(alert), output);
      for (const { alert: name, expr } of broken) {
        assert.notEqual(expr, rule.expr);
        assert.ok(failed.has(name), `nothing notices\n${expr}`);
      }
    });
  }
});

/** The expression with one thing in it wrong, in every way there is. */
function mutants(expr: string): string[] {
  const replaced = (pattern: RegExp, by: (found: string) => string) =>
    [...expr.matchAll(pattern)].map(
      ({ 0: found, index }) => `${expr.slice(0, index)}${by(found)}${expr.slice(index + found.length)}`,
    );
  return [
    ...replaced(/ > 0\.\d+$| > \d+$| <= 0$/gm, (bound) => (bound.includes(">") ? bound.replace(">", "<") : " > 0")),
    ...replaced(/unless/g, () => "and"),
    ...replaced(/\b(max_over_time|increase|changes)\(([^()]*)\[\d+m\]\)/g, (call) =>
      call.replace(/^\w+\(|\[\d+m\]\)/g, ""),
    ),
    ...replaced(/, (outcome|reason|part|phase)!?[=~]+"[^"]*"/g, () => ""),
    ...replaced(/\bor\b/g, () => "and"),
    ...replaced(/> time\(\)/g, () => "< time()"),
  ];
}
