import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promtool } from "./prometheus.js";

/** What a rule file holds, and a PrometheusRule's spec: `{ groups: [...] }`. */
export type RuleFile = Readonly<Record<string, unknown>>;

/** A test as `promtool test rules` knows it. */
export interface RuleTest {
  readonly name: string;
  readonly interval: string;
  readonly input_series: readonly { readonly series: string; readonly values: string }[];
  readonly alert_rule_test?: readonly AlertTest[];
  readonly promql_expr_test?: readonly ExpressionTest[];
}

export interface AlertTest {
  readonly eval_time: string;
  readonly alertname: string;
  readonly exp_alerts: readonly { readonly exp_labels: Labels; readonly exp_annotations: Labels }[];
}

export interface ExpressionTest {
  readonly eval_time: string;
  readonly expr: string;
  readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
}

export type Labels = Readonly<Record<string, string>>;

/** Between two evaluations of the rules; the default of the Prometheus operator. */
export const EVALUATION_SECONDS = 30;

export interface Verdict {
  readonly ok: boolean;
  readonly output: string;
}

/** `promtool check rules` of this file. */
export function checkRules(rules: RuleFile): Promise<Verdict> {
  return inFolder(async (folder) => {
    const file = await put(folder, "rules.json", rules);
    return verdict("check", "rules", "--lint=all", "--lint-fatal", file);
  });
}

/** `promtool test rules`: runs the tests on the rules; ok when all that is expected is what there was. */
export function testRules(rules: RuleFile, tests: readonly RuleTest[]): Promise<Verdict> {
  return inFolder(async (folder) => {
    await put(folder, "rules.json", rules);
    const file = await put(folder, "tests.json", {
      rule_files: ["rules.json"],
      evaluation_interval: `${EVALUATION_SECONDS}s`,
      tests,
    });
    return verdict("test", "rules", file);
  });
}

/** JSON is YAML. */
async function put(folder: string, name: string, content: unknown): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, JSON.stringify(content));
  return file;
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "promtool-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function verdict(...args: readonly string[]): Promise<Verdict> {
  const { code, said } = await promtool(args);
  return { ok: code === 0, output: said };
}
