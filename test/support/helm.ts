import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseAllDocuments } from "yaml";

/** A Helm that `npm test` fetched; absent where there is none for the machine. */
export interface Helm {
  readonly major: 3 | 4;
  readonly path: string;
}

export const HELMS: readonly Helm[] = ([3, 4] as const).flatMap((major) => {
  const path = process.env[`HELM_${major}`];
  return path === undefined ? [] : [{ major, path }];
});

/** Why a test of the chart does not run here, or false. */
export const NO_HELM = HELMS.length === 0 && (process.env["NO_HELM"] ?? "Helm is fetched by `npm test`");

export type Values = Readonly<Record<string, unknown>>;

/** An object of Kubernetes as a plain tree; `at` reads it. */
export type Manifest = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** chart/ of the project: the tests run compiled, from a folder below it. */
export const CHART = join(rootAbove(import.meta.dirname), "chart");

export interface How {
  /** Helm 4 when absent. */
  readonly helm?: Helm;
  /** Kubernetes version; 1.34 when absent. */
  readonly kube?: string;
}

/** Runs one command of Helm with these values on its standard input (`-f -`). */
export function helm(helmOf: Helm, args: readonly string[], values: Values = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(
      helmOf.path,
      [...args, "--values", "-"],
      { maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ ok: error === null, stdout, stderr }),
    );
    child.stdin?.end(JSON.stringify(values));
  });
}

/** The objects that the chart makes of these values. */
export async function template(values: Values = {}, how: How = {}): Promise<readonly Manifest[]> {
  const { ok, stdout, stderr } = await templated(values, how);
  assert.ok(ok, `helm template failed for ${JSON.stringify(values)}\n${stderr}`);
  return parseAllDocuments(stdout).flatMap((document) => {
    assert.deepEqual(document.errors, [], stdout);
    const object: unknown = document.toJS();
    return isTree(object) ? [object] : [];
  });
}

/** What Helm says when the chart refuses these values. */
export async function refusal(values: Values, how: How = {}): Promise<string> {
  const { ok, stderr } = await templated(values, how);
  assert.ok(!ok, `${JSON.stringify(values)} was not refused`);
  return stderr;
}

function templated(values: Values, { helm: given, kube = "1.34" }: How): Promise<Answer> {
  const chosen = given ?? HELMS.at(-1);
  assert.ok(chosen, "run the tests with `npm test`, which fetches Helm");
  return helm(chosen, ["template", "rel", CHART, "--namespace", "ns", "--kube-version", kube], values);
}

/** The one object of this kind and (absent: whatever) name. */
export function one(objects: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = objects.filter((object) => object["kind"] === kind && (name ?? nameOf(object)) === nameOf(object));
  const [object, ...more] = found;
  assert.ok(object && more.length === 0, `${found.length} objects are a ${kind} ${name ?? ""}`);
  return object;
}

export function nameOf(object: Manifest): unknown {
  return at(object, "metadata", "name");
}

/** What stands at this path; undefined when there is nothing. */
export function at(tree: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((node, key) => {
    if (Array.isArray(node)) return typeof key === "number" ? node[key] : undefined;
    return isTree(node) ? node[key] : undefined;
  }, tree);
}

/** The literal environment of a container. */
export function envOf(container: unknown): Readonly<Record<string, unknown>> {
  const entries = at(container, "env");
  assert.ok(Array.isArray(entries));
  return Object.fromEntries(entries.map((entry) => [at(entry, "name"), at(entry, "value") ?? at(entry, "valueFrom")]));
}

function isTree(value: unknown): value is Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function rootAbove(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : rootAbove(dirname(folder));
}
