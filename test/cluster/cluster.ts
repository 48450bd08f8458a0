import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { folder } from "../support/fleet.js";
import { CHART, HELMS } from "../support/helm.js";
import { BIN, ROOT } from "../support/service.js";

/** Starts a Kubernetes of two nodes on this machine, where it is. */
const STARTER = join(ROOT, "../shared/cluster/cluster");
/** An image that the nodes have, of a cluster that somebody else started. */
const IMAGE = process.env["LASTCALL_IMAGE"] ?? "lastcall/lastcall:dev";
const NODE_PORT = 30_080;
const RELEASE = "lastcall";

/** Why the tests of the cluster do not run here, or false. */
export const NO_CLUSTER = whyNot();

function whyNot(): string | false {
  const skipped = (why: string) => `NOT TESTED ON A CLUSTER: ${why}`;
  if (HELMS.length === 0) return skipped("no Helm");
  if (spawnSync("kubectl", ["version", "--client"]).status !== 0) return skipped("no kubectl");
  const given = process.env["KUBECONFIG"] !== undefined;
  return given || existsSync(STARTER) ? false : skipped("no KUBECONFIG, and none that could be started here");
}

export interface Verdict {
  readonly exitCode: number | null;
  readonly text: string;
  /** Everything it printed at the end. */
  readonly output: string;
  readonly report: { readonly findings: { readonly rolled: number; readonly requests: { readonly failures: object } } };
}

/** A cluster with the chart installed in it. */
export class Cluster {
  readonly #env: NodeJS.ProcessEnv;
  readonly #node: string;

  static async start(t: TestContext, values: readonly string[]): Promise<Cluster> {
    const env = { ...process.env };
    if (env["KUBECONFIG"] === undefined) {
      const up = await output(STARTER, ["up"], env);
      env["KUBECONFIG"] = /KUBECONFIG=(\S+)/.exec(up)?.[1];
      t.after(() => output(STARTER, ["down"], env));
      await output(STARTER, ["image", ROOT, IMAGE], env);
    }
    const path = `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`;
    const node = await output("kubectl", ["get", "nodes", "-o", path], env);
    const cluster = new Cluster(env, node);
    t.after(() => cluster.helm("uninstall", RELEASE, "--wait"));
    await cluster.upgrade(values);
    return cluster;
  }

  private constructor(env: NodeJS.ProcessEnv, node: string) {
    this.#env = env;
    this.#node = node;
  }

  get url(): string {
    return `http://${this.#node}:${NODE_PORT}`;
  }

  /** Installs the chart, or changes what is installed; settles when all pods are ready. */
  async upgrade(values: readonly string[]): Promise<void> {
    const [repository = "", tag = ""] = IMAGE.split(":");
    const all = [`image.repository=${repository}`, `image.tag=${tag}`, "service.type=NodePort"];
    const set = [...all, `service.nodePort=${NODE_PORT}`, ...values].flatMap((value) => ["--set", value]);
    await this.helm("upgrade", "--install", RELEASE, CHART, ...set, "--wait", "--timeout", "5m");
  }

  helm(...args: readonly string[]): Promise<string> {
    return output(HELMS.at(-1)?.path ?? "helm", args, this.#env);
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return output("kubectl", args, this.#env);
  }

  /** A rehearsal against the service while `rollout`, a shell command, runs. */
  async rehearse(t: TestContext, rollout: string, ...options: readonly string[]): Promise<Verdict> {
    const file = join(await folder(t), "report.json");
    const args = ["rehearse", "--url", this.url, "--rollout", rollout, "--report", file, ...options];
    const load = ["--clients", "30", "--rate", "20", "--requests", "10", "--settle", "120s"];
    const [exitCode, printed] = await run(process.execPath, [BIN, ...args, ...load], this.#env);
    const report = JSON.parse(await readFile(file, "utf8"));
    const text: string = report.verdict.text;
    t.diagnostic(text);
    for (const { protocol, pauses } of report.findings.protocols) {
      t.diagnostic(`longest pause, ${protocol}: ${Math.round(pauses.max)} ms (median ${Math.round(pauses.p50)} ms)`);
    }
    t.diagnostic(`requests that failed: ${JSON.stringify(report.findings.requests.failures)}`);
    return { exitCode, text, output: printed, report };
  }
}

/** What a program writes; throws what it said when it fails. */
async function output(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const [code, printed] = await run(file, args, env);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${code}:\n${printed}`);
  return printed.trim();
}

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<[number | null, string]> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.once("error", reject).once("close", (code) => resolve([code, code === 0 ? out : `${out}${err}`]));
  });
}
