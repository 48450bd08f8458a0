import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deferred } from "../base/deferred.js";
import { Balancer } from "./balancer.js";
import { budgetOf } from "./budget.js";
import type { Context } from "./context.js";
import { Endpoints } from "./endpoints.js";
import { freePort } from "./free-port.js";
import type { LocalStageOptions } from "./options.js";
import type { ReplicaSample } from "./progress-port.js";
import { followReadiness } from "./readiness.js";
import type { ReplicaRecord } from "./record.js";
import { Replica } from "./replica.js";
import type { Act, Processes, Stage } from "./stage.js";

/** For a replica to become ready, ms. */
const START_MS = 30_000;
/** For a replica to end when the rehearsal is over, ms. */
const STOP_MS = 5_000;
/** Replicas that do not become ready, one after the other, before it is given up. */
const TRIES = 3;

/** Replicas as processes of this machine behind a balancer, ruled as by a Deployment: surge, wait ready, delete. */
export class LocalStage implements Stage {
  readonly processes: Processes = {
    running: () => this.#running(),
    kill: (replica) => {
      this.#killed.add(replica);
      replica.life.end = "chaos";
      replica.signal("SIGKILL");
    },
    hold: (localPort) => this.#balancer.hold(localPort),
  };
  readonly #context: Context;
  readonly #options: LocalStageOptions;
  readonly #balancer: Balancer;
  readonly #endpoints: Endpoints;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #all: Replica[] = [];
  /** Those whose end is expected: deleted, or another is being started in their place. */
  readonly #leaving = new Set<Replica>();
  /** Ended on purpose. */
  readonly #killed = new Set<Replica>();
  readonly #replacements = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #folder: string | undefined;
  #closed: Promise<void> | undefined;

  static async open(context: Context, options: LocalStageOptions): Promise<LocalStage> {
    const budget = budgetOf(options);
    const folder = options.journal === undefined ? await mkdtemp(join(tmpdir(), "lastcall-rehearsal-")) : undefined;
    const env = {
      ...process.env,
      // Blank is unset: these would take from the stage what it needs to see.
      ...{ ADMIN_PORT: "", TLS_CERT_FILE: "", TLS_KEY_FILE: "", TERMINATION_MESSAGE_PATH: "/nowhere" },
      ...{ HOST: "127.0.0.1", LOG_LEVEL: "info", JOURNAL_URL: options.journal ?? `lmdb:${folder}` },
      ...budget,
      ...options.env,
    };
    return new LocalStage(context, options, await Balancer.start(), env, folder);
  }

  private constructor(
    context: Context,
    options: LocalStageOptions,
    balancer: Balancer,
    env: Readonly<Record<string, string | undefined>>,
    folder: string | undefined,
  ) {
    this.#context = context;
    this.#options = options;
    this.#balancer = balancer;
    this.#endpoints = new Endpoints(context, balancer, options.lagMs);
    this.#env = env;
    this.#folder = folder;
  }

  get url(): URL {
    return this.#balancer.url;
  }

  replicaOf(localPort: number): string | undefined {
    return this.#balancer.replicaOf(localPort);
  }

  records(): readonly ReplicaRecord[] {
    return this.#all.map(({ life }) => ({ ...life }));
  }

  samples(): readonly ReplicaSample[] {
    return this.#all.map(({ name, state }) => ({ name, state, connections: this.#balancer.connections(name) }));
  }

  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.replicas }, () => this.#startOne(0, signal)));
  }

  async roll(act: Act, signal: AbortSignal): Promise<void> {
    const olds = this.#running().filter((replica) => !this.#leaving.has(replica));
    const drains: Promise<void>[] = [];
    const surge = async () => {
      for (let old = olds.shift(); old !== undefined && !signal.aborted; old = olds.shift()) {
        // Killed meanwhile: what was started in its place is new.
        if (!old.running) continue;
        this.#leaving.add(old);
        if ((await this.#startOne(this.#options.lagMs, signal)) === undefined || signal.aborted) return;
        drains.push(this.#delete(old, act));
      }
    };
    await Promise.all(Array.from({ length: this.#options.maxSurge }, surge));
    await Promise.all(drains);
  }

  async whole(): Promise<void> {
    while (this.#replacements.size > 0) await Promise.all(this.#replacements);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#endpoints.close();
    await Promise.all(this.#all.map((replica) => replica.stop(STOP_MS)));
    await this.#balancer.close();
    await Promise.all(this.#replacements);
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  #running(): readonly Replica[] {
    return this.#all.filter(({ running }) => running);
  }

  async #delete(replica: Replica, act: Act): Promise<void> {
    const { preStopMs, graceMs } = this.#options;
    // It may have been killed while another was started in its place.
    if (!replica.running) return;
    act(`${replica.name} is deleted`);
    this.#endpoints.remove(replica);
    await replica.terminate(preStopMs, graceMs);
    const { end, exit, outcome } = replica.life;
    act(`${replica.name} is gone: ${end}, ${exit?.signal ?? exit?.code}${outcome === undefined ? "" : `, ${outcome}`}`);
  }

  /** Starts one, and another when that does not get there; it is sent newcomers `lagMs` after it is ready. */
  async #startOne(lagMs: number, signal: AbortSignal): Promise<Replica | undefined> {
    for (let tries = 0; tries < TRIES && !signal.aborted && !this.#closing.signal.aborted; tries += 1) {
      const port = this.#options.program === undefined ? undefined : await freePort();
      if (this.#closing.signal.aborted) return undefined;
      const replica = this.#launch(port);
      if (await this.#attend(replica, lagMs)) return replica;
      if (signal.aborted || this.#closing.signal.aborted) return undefined;
      if (!this.#killed.has(replica)) {
        this.#context.trouble(`${replica.name} did not become ready:\n${replica.lastWords}`);
        return undefined;
      }
    }
    return undefined;
  }

  #launch(port: number | undefined): Replica {
    const { program, env } = this.#options;
    const { clock, now } = this.#context;
    const name = `pod-${this.#all.length + 1}`;
    const replica = new Replica({
      name,
      command: program ?? [process.execPath, process.argv[1] ?? "", "serve"],
      env: { ...this.#env, PORT: String(port ?? 0), POD_NAME: name, ...env },
      port,
      clock,
      now,
    });
    this.#all.push(replica);
    return replica;
  }

  /** Follows its readiness to its end, and gives whether it became ready; what ends unasked for is replaced, as by a ReplicaSet. */
  #attend(replica: Replica, firstLagMs: number): Promise<boolean> {
    const ready = deferred<boolean>();
    const over = new AbortController();
    const late = this.#context.clock.after(START_MS, () => ready.resolve(false));
    const following = this.#follow(replica, firstLagMs, () => ready.resolve(true), over.signal);
    void replica.gone.then(async () => {
      over.abort();
      late();
      ready.resolve(false);
      await following;
      this.#ended(replica);
    });
    return ready.promise;
  }

  async #follow(replica: Replica, firstLagMs: number, onReady: () => void, signal: AbortSignal): Promise<void> {
    const port = await replica.port;
    if (port === undefined) return;
    const changed = (isReady: boolean) => {
      if (!isReady) return this.#endpoints.remove(replica);
      this.#endpoints.add(replica, port, replica.life.readyAt === undefined ? firstLagMs : undefined);
      replica.life.readyAt ??= this.#context.now();
      onReady();
    };
    const url = new URL(this.#options.readyPath, `http://127.0.0.1:${port}`);
    await followReadiness(this.#context, url, changed, signal);
  }

  #ended(replica: Replica): void {
    if (this.#closing.signal.aborted) return;
    this.#endpoints.remove(replica);
    if (this.#leaving.has(replica) || replica.life.readyAt === undefined) return;
    if (!this.#killed.has(replica)) this.#context.trouble(`${replica.name} ended by itself:\n${replica.lastWords}`);
    const replacement = this.#startOne(this.#options.lagMs, this.#closing.signal);
    this.#replacements.add(replacement);
    void replacement.finally(() => this.#replacements.delete(replacement));
  }
}
