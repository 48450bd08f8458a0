import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Balancer } from "./balancer.js";
import { http } from "./http.js";
import { type Entry, Truth } from "./ledger.js";
import { type Env, Service } from "./service.js";

/** Between two looks at `/ready`, ms. */
const PROBE_MS = 20;

/**
 * Everybody goes within half a second. The rest of the time is for machines that have much else to do: it is waited for
 * only by who does not go, and all these clients share one process.
 */
const DRAIN: Env = {
  FEED_INTERVAL_SECONDS: "0",
  DRAIN_STAGGER_SECONDS: "0.5",
  CLOSE_TIMEOUT_SECONDS: "60",
  GRACEFUL_SHUTDOWN_TIMEOUT: "90",
};

/** Several `lastcall serve` on one journal, behind a balancer. */
export class Fleet {
  readonly balancer: Balancer;
  readonly #t: TestContext;
  readonly #env: Env;
  readonly #replicas: Service[] = [];
  #made = 0;

  static async start(t: TestContext, size: number, env: Env): Promise<Fleet> {
    const fleet = new Fleet(t, env, await Balancer.start(t));
    fleet.#replicas.push(...(await Promise.all(Array.from({ length: size }, () => fleet.#startOne()))));
    return fleet;
  }

  private constructor(t: TestContext, env: Env, balancer: Balancer) {
    this.#t = t;
    this.#env = env;
    this.balancer = balancer;
  }

  get replicas(): readonly Service[] {
    return this.#replicas;
  }

  /** Where the balancer is. */
  get url(): URL {
    return this.balancer.url;
  }

  /** The balancer's, for WebSocket clients. */
  get ws(): string {
    return webSocketUrl(this.url);
  }

  /**
   * Ends a replica; another takes its place on another port, as soon as it is ready. One that is told to go leaves the
   * rotation at once; one that is killed is still in it, and refuses. Gives the old one, which has ended.
   */
  async restart(index: number, signal: "SIGTERM" | "SIGKILL"): Promise<Service> {
    const old = this.#replicas[index];
    if (old === undefined) throw new Error(`no replica ${index}`);
    const port = Number(old.url.port);
    if (signal === "SIGTERM") this.balancer.remove(port);
    old.signal(signal);
    const [next] = await Promise.all([this.#startOne(), old.exit]);
    this.balancer.remove(port);
    this.#replicas[index] = next;
    return old;
  }

  async #startOne(): Promise<Service> {
    this.#made += 1;
    const service = await Service.start(this.#t, { ...DRAIN, POD_NAME: `pod-${this.#made}`, ...this.#env });
    await untilReady(service, 200);
    this.balancer.add(Number(service.url.port));
    return service;
  }
}

/** Asks `/ready` until it answers with this status. */
export async function untilReady(service: Service, status: number): Promise<void> {
  while ((await http(new URL("/ready", service.url))).status !== status) await sleep(PROBE_MS);
}

/** Publishes item `number` with `POST /items`; its key goes with the number. */
export function post(url: URL, number: number) {
  const headers = { "idempotency-key": `number/${number}` };
  return http(new URL("/items", url), { method: "POST", headers, body: JSON.stringify({ number }) });
}

export function webSocketUrl(url: URL): string {
  return `${new URL("/ws", url)}`.replace("http", "ws");
}

/** Everything the journal holds, as `GET /items` gives it. */
export async function readJournal(url: URL): Promise<Truth> {
  const entries: Entry[] = [];
  const moments: number[] = [];
  for (let after = "oldest"; ; ) {
    const { status, body } = await http(new URL(`/items?after=${after}&limit=1000`, url));
    if (status !== 200) throw new Error(`GET /items: ${status} ${body}`);
    const { items, cursor } = JSON.parse(body);
    for (const { id, at, data } of items) {
      entries.push({ id, data: JSON.stringify(data) });
      moments.push(at - performance.timeOrigin);
    }
    if (items.length === 0) return new Truth(entries, moments);
    after = cursor;
  }
}

/** A folder that is gone when the test is over. */
export async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "fleet-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}
