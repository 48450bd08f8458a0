/** Subscribers (fan.c) and the server they are connected to, driven together. */
import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { compile, processorMs } from "./machine.js";
import type { PaceReport } from "./pace.js";
import { type Program, startProgram, words } from "./program.js";
import { type RunningServer, type ServerSpec, startServer } from "./server.js";

/** What subscribers connect with: fan.c's own words. */
export interface Subscription {
  readonly path: string;
  readonly wire?: "ws" | "socketio" | "sse";
  readonly protocol?: string;
  readonly say?: string;
  readonly tls?: boolean;
}

/** One measurement, as the subscribers saw it. */
interface WindowReport {
  readonly event: "window";
  readonly ms: number;
  readonly items: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  readonly disorder: number;
  readonly broken: number;
  readonly open: number;
}

interface Connected {
  readonly event: "connected";
  readonly connected: number;
  readonly refused: number;
}

export interface Measured {
  /** Items that reached a subscriber, a second, all subscribers together. */
  readonly delivered: number;
  /** The same of what was published in that time. */
  readonly offered: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server and of the load, as shares of a core. */
  readonly serverShare: number;
  readonly loadShare: number;
}

const SETTLE_MS = 1_000;
const WINDOW_MS = 2_000;
const programs = new Map<string, string>();

function program(tls = false): string {
  const flags = tls ? ["-DTLS", "-lssl", "-lcrypto"] : [];
  const name = flags.join(" ");
  const known = programs.get(name) ?? compile("fan", tls ? "fan-tls" : "fan", flags);
  programs.set(name, known);
  return known;
}

/** Whether subscribers over TLS can be compiled: they need OpenSSL's headers. */
export function hasTls(): boolean {
  const compiler = process.env["CC"] ?? "cc";
  const input = "#include <openssl/ssl.h>\nint main(void) { return 0; }\n";
  return spawnSync(compiler, ["-x", "c", "-", "-o", "/dev/null", "-lssl"], { input }).status === 0;
}

/** Connects `clients` subscribers; `more` are further words of fan.c. Throws if any of them is refused. */
export async function subscribe(
  port: number,
  clients: number,
  subscription: Subscription,
  more: Readonly<Record<string, number>> = {},
): Promise<Program> {
  const load = startProgram([program(subscription.tls), ...words({ port, clients, ...subscription, ...more })]);
  const { refused } = await load.next<Connected>("connected");
  if (refused > 0) throw new Error(`${refused} of ${clients} connections were refused`);
  return load;
}

export class Fan {
  readonly #server: RunningServer;
  readonly #clients: number;
  readonly #load: Program;

  private constructor(server: RunningServer, clients: number, load: Program) {
    this.#server = server;
    this.#clients = clients;
    this.#load = load;
  }

  /** Starts the server, and connects `clients` subscribers. */
  static async start(spec: ServerSpec, subscription: Subscription, clients: number): Promise<Fan> {
    const server = await startServer(spec, "/pace");
    const { port } = await pace(server.port);
    return new Fan(server, clients, await subscribe(port, clients, subscription));
  }

  /** Publishes `rate` items a second, and measures once that has settled. Throws if anybody missed an item. */
  async measure(rate: number): Promise<Measured> {
    await pace(this.#server.port, `rate=${rate}`);
    await delay(SETTLE_MS);
    const before = await pace(this.#server.port);
    const processorBefore = processorMs(this.#server.pid);
    const startedAt = performance.now();
    this.#load.say("begin");
    await delay(WINDOW_MS);
    this.#load.say("end");
    const report = await this.#load.next<WindowReport>("window");
    const after = await pace(this.#server.port);
    const ms = performance.now() - startedAt;
    const serverShare = (processorMs(this.#server.pid) - processorBefore) / ms;
    if (report.disorder > 0 || report.broken > 0 || report.open !== this.#clients) {
      throw new Error(`not everybody got everything in order: ${JSON.stringify(report)}`);
    }
    return {
      delivered: (report.items / report.ms) * 1_000,
      offered: ((after.published - before.published) / ms) * 1_000 * this.#clients,
      p50Ms: report.p50Ms,
      p99Ms: report.p99Ms,
      serverShare,
      loadShare: report.cpuMs / report.ms,
    };
  }

  async stop(): Promise<void> {
    this.#load.say("stop");
    await this.#server.stop("SIGKILL", null);
  }
}

/** Asks the server under test to publish (pace.ts), and how far it is. */
export async function pace(port: number, query = ""): Promise<PaceReport> {
  const answer = await fetch(`http://127.0.0.1:${port}/pace?${query}`);
  const report: unknown = await answer.json();
  if (!isReport(report)) throw new Error(`the server said ${JSON.stringify(report)}`);
  return report;
}

function isReport(value: unknown): value is PaceReport {
  return typeof value === "object" && value !== null && "published" in value && "port" in value;
}
