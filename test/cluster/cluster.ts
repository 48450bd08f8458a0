import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Findings, Report } from "../../src/rehearsal/findings.js";
import type { Judge } from "../../src/rehearsal/options.js";
import { folder } from "../support/fleet.js";
import { CHART, HELMS } from "../support/helm.js";
import { BIN, ROOT } from "../support/service.js";
import { Endings } from "./endings.js";

/** Starts a Kubernetes of two nodes on this machine, where it is. */
const STARTER = join(ROOT, "../shared/cluster/cluster");
/** Its gateway, a real Contour with Envoy. */
const GATEWAY = { url: "http://10.77.0.10:8080", parentRef: { name: "contour", namespace: "contour" } };
/** An image that the nodes have, of a cluster that somebody else started. */
const IMAGE = process.env["LASTCALL_IMAGE"] ?? "lastcall/lastcall:dev";
const HELM = HELMS.at(-1)?.path ?? "helm";
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

export interface Rehearsed {
  readonly exitCode: number | null;
  /** Everything it printed at the end. */
  readonly output: string;
  readonly findings: Findings;
}

export type Values = Readonly<Record<string, unknown>>;

/** A cluster with the chart installed in it. */
export class Cluster {
  readonly #env: NodeJS.ProcessEnv;
  readonly #node: string;
  /** Whether it was started for this test, and ends with it. */
  readonly ours: boolean;

  static async start(t: TestContext, values: Values): Promise<Cluster> {
    const env = { ...process.env };
    const ours = env["KUBECONFIG"] === undefined;
    if (ours) env["KUBECONFIG"] = /KUBECONFIG=(\S+)/.exec(await output(STARTER, ["up"], env))?.[1];
    t.after(async () => {
      await output(HELM, ["uninstall", RELEASE, "--ignore-not-found", "--wait"], env);
      if (ours) await output(STARTER, ["down"], env);
    });
    if (ours) await output(STARTER, ["image", ROOT, IMAGE], env);
    const path = `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`;
    const cluster = new Cluster(env, await output("kubectl", ["get", "nodes", "-o", path], env), ours);
    await cluster.upgrade(values);
    return cluster;
  }

  private constructor(env: NodeJS.ProcessEnv, node: string, ours: boolean) {
    this.#env = env;
    this.#node = node;
    this.ours = ours;
  }

  get kubeconfig(): string {
    return this.#env["KUBECONFIG"] ?? "";
  }

  get url(): string {
    return `http://${this.#node}:${NODE_PORT}`;
  }

  /** Installs the chart, or changes what is installed; settles when all pods are ready, and those before them gone. */
  async upgrade(...values: readonly Values[]): Promise<void> {
    const [repository = "", tag = ""] = IMAGE.split(":");
    const own = { image: { repository, tag }, service: { type: "NodePort", nodePort: NODE_PORT } };
    const directory = await mkdtemp(join(tmpdir(), "values-"));
    try {
      const files = [own, ...values].map(async (value, i) => {
        const file = join(directory, `${i}.json`);
        await writeFile(file, JSON.stringify(value));
        return ["--values", file];
      });
      const given = (await Promise.all(files)).flat();
      await this.helm("upgrade", "--install", RELEASE, CHART, ...given, "--wait", "--timeout", "5m");
    } finally {
      await rm(directory, { recursive: true });
    }
    const going = await this.kubectl(
      "get",
      "pods",
      "-o",
      "jsonpath={.items[?(@.metadata.deletionTimestamp)].metadata.name}",
    );
    const pods = going.split(" ").filter((name) => name !== "");
    if (pods.length > 0) await this.kubectl("wait", "--for", "delete", "pod", ...pods, "--timeout", "4m");
  }

  /** Starts a gateway before the cluster, where it is ours; the first time on a machine it is built, in some minutes. */
  async gateway(): Promise<typeof GATEWAY> {
    await output(STARTER, ["gateway"], this.#env);
    return GATEWAY;
  }

  helm(...args: readonly string[]): Promise<string> {
    return output(HELM, args, this.#env);
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return output("kubectl", args, this.#env);
  }

  /** How the pods that `selector` chooses end, from now until the test does. */
  watch(t: TestContext, selector: string): Endings {
    const args = ["get", "pods", "-l", selector, "--watch", "-o", "json"];
    const endings = new Endings(spawn("kubectl", args, { env: this.#env, stdio: ["ignore", "pipe", "inherit"] }));
    t.after(() => endings.close());
    return endings;
  }

  /** A rehearsal against the service while `rollout`, a shell command, runs. */
  async rehearse(t: TestContext, rollout: string, options: RehearsalOptions = {}): Promise<Rehearsed> {
    const { judge = "all", settleSeconds = 120, url = this.url } = options;
    const file = join(await folder(t), "report.json");
    const load = ["--clients", "30", "--rate", "20", "--requests", "10", "--settle", `${settleSeconds}s`];
    const args = ["rehearse", "--url", url, "--rollout", rollout, "--report", file, "--judge", judge, ...load];
    const [exitCode, printed] = await run(process.execPath, [BIN, ...args], this.#env);
    if (!existsSync(file)) throw new Error(`no report; it ended with ${exitCode}:\n${printed}`);
    const { findings, verdict }: Report = JSON.parse(await readFile(file, "utf8"));
    t.diagnostic(verdict.text);
    for (const { protocol, pauses } of findings.protocols) {
      t.diagnostic(`longest pause, ${protocol}: ${Math.round(pauses.max)} ms (median ${Math.round(pauses.p50)} ms)`);
    }
    const { kept, fresh, failures } = findings.requests;
    t.diagnostic(`requests: ${kept + fresh}; failed: ${JSON.stringify(failures)}`);
    return { exitCode, output: printed, findings };
  }
}

interface RehearsalOptions {
  readonly judge?: Judge;
  /** As long as it may take until every connection is replaced, s. Default 120; less where some never are. */
  readonly settleSeconds?: number;
  /** Default: the Service's port on a node. */
  readonly url?: string;
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
