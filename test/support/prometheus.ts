import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Program } from "./service.js";

/** Why a test with the real Prometheus does not run here, or false. */
export const NO_PROMETHEUS = process.env["NO_PROMETHEUS"] ?? false;

/** What Prometheus sends with every scrape, and nobody else does. */
export const SCRAPE = { "x-prometheus-scrape-timeout-seconds": "10" } as const;

/** Between two looks at what a Prometheus has by now, ms. It tells nobody when something is new. */
const LOOK_MS = 50;

/** One series of an answer, and its value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusOptions {
  /** What it adds to each target's series. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What a rule file holds: `{ groups: [...] }`. */
  readonly rules?: unknown;
  /** Scrape configurations; default: one, of the targets. */
  readonly jobs?: readonly object[];
  /** Default: the one on the PATH. */
  readonly program?: string;
}

/** A real Prometheus with a port and a folder of its own. */
export class Prometheus extends Program {
  #url: URL | undefined;

  /** Starts one that scrapes these `host:port`; resolves when it answers. */
  static async start(
    t: TestContext,
    targets: readonly string[],
    intervalSeconds = 1,
    { labels = {}, rules = { groups: [] }, jobs, program = "prometheus" }: PrometheusOptions = {},
  ): Promise<Prometheus> {
    const directory = await mkdtemp(join(tmpdir(), "prometheus-"));
    const config = join(directory, "prometheus.yml");
    // YAML takes JSON.
    await writeFile(join(directory, "rules.yml"), JSON.stringify(rules));
    await writeFile(
      config,
      JSON.stringify({
        global: {
          scrape_interval: `${intervalSeconds}s`,
          scrape_timeout: `${intervalSeconds}s`,
          evaluation_interval: `${intervalSeconds}s`,
        },
        rule_files: ["rules.yml"],
        scrape_configs: jobs ?? [{ job_name: "lastcall", static_configs: [{ targets, labels }] }],
      }),
    );
    const prometheus = new Prometheus(
      t,
      [
        program,
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        "--web.listen-address=127.0.0.1:0",
      ],
      {},
    );
    // Behind the end of the process.
    t.after(() => rm(directory, { recursive: true }));
    // In either order.
    await prometheus.#said('msg="Listening on"');
    await prometheus.#said("Server is ready to receive web requests");
    return prometheus;
  }

  get url(): URL {
    this.#url ??= new URL(`http://${/msg="Listening on".* address=(\S+)/.exec(this.stderr)?.[1]}`);
    return this.#url;
  }

  /** What an expression comes to now. */
  async query(expression: string): Promise<readonly Sample[]> {
    const response = await fetch(new URL("/api/v1/query", this.url), {
      method: "POST",
      body: new URLSearchParams({ query: expression }),
    });
    const answer = (await response.json()) as Answer;
    if (answer.status !== "success") throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Waits until that many series answer an expression. */
  async until(expression: string, series: number): Promise<void> {
    while ((await this.query(expression)).length !== series) {
      if (!this.running) throw new Error(`prometheus ended:\n${this.stderr}`);
      await sleep(LOOK_MS);
    }
  }

  #said(words: string): Promise<true> {
    return this.watch.until(() => this.stderr.includes(words) || undefined);
  }
}

type Answer =
  | { readonly status: "success"; readonly data: { readonly result: readonly Vector[] } }
  | { readonly status: "error"; readonly error: string };

interface Vector {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** Runs promtool with this on its standard input; what it says, and how it ends. */
export async function promtool(args: readonly string[], input = ""): Promise<{ code: number | null; said: string }> {
  const child = spawn("promtool", args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, said: out + err };
}

/** The value of each series in what `/metrics` says. */
export function valuesOf(exposition: string): ReadonlyMap<string, number> {
  const lines = exposition.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}
