import { setMaxListeners } from "node:events";
import { type Signal, sleep } from "../base/clock.js";
import { type Context, until } from "./context.js";
import type { Observer } from "./observer.js";
import type { RehearsalOptions } from "./options.js";
import type { Sample } from "./progress-port.js";
import { Publisher } from "./publisher.js";
import type { Mark, Published, RequestRecord, Sighting } from "./record.js";
import { Requests } from "./requests.js";
import { httpUrl } from "./urls.js";

/** Connections made per second at the start. */
const DIALS_PER_SECOND = 250;
/** For everybody to stand, ms. */
const CONNECT_MS = 30_000;
/** What is under way when the load is taken away may take this long, ms. */
const LAST_MS = 30_000;
/** For a sentinel to come to everybody, ms, and how often one is sent: who has no cursor may just have been away. */
const SENTINEL_MS = 2_000;
const SENTINELS = 15;

/** Connections that stood at some moment, by client. */
export type Standing = ReadonlyMap<Observer, ReadonlySet<number>>;

/** Everything that uses the service: clients, publishers, plain requests. */
export class Load {
  readonly observers: Observer[] = [];
  readonly #context: Context;
  readonly #options: RehearsalOptions;
  readonly #run: string;
  readonly #service: URL;
  readonly #stopPublishing = new AbortController();
  readonly #stopRequests = new AbortController();
  readonly #drop = new AbortController();
  #publishers: readonly Publisher[] = [];
  #requests: Requests | undefined;
  #closed: Promise<void> | undefined;
  #publishing: Promise<unknown> = Promise.resolve();
  #requesting: Promise<unknown> = Promise.resolve();

  constructor(context: Context, options: RehearsalOptions, run: string, service: URL) {
    this.#context = context;
    this.#options = options;
    this.#run = run;
    this.#service = service;
    // As many as there are requests under way.
    setMaxListeners(0, this.#drop.signal);
  }

  get published(): readonly Published[] {
    return this.#publishers.flatMap(({ published }) => published);
  }

  get requests(): readonly RequestRecord[] {
    return [...(this.#requests?.records ?? [])];
  }

  /** Connects everybody; settles when all stand, or when that takes too long. */
  async connect(make: readonly (() => Observer)[], signal: Signal): Promise<void> {
    for (const one of make) {
      if (!(await sleep(this.#context.clock, 1_000 / DIALS_PER_SECOND, signal)) || signal.aborted) return;
      this.observers.push(one());
    }
    const all = await until(this.#context, CONNECT_MS, () => this.connected === make.length, signal);
    if (!all && !signal.aborted)
      this.#context.trouble(`only ${this.connected} of ${make.length} clients could connect`);
  }

  get connected(): number {
    return this.observers.filter(({ connected }) => connected).length;
  }

  get allConnected(): boolean {
    return this.connected === this.observers.length;
  }

  /** Every connection that stands now, by its client. */
  standing(): Standing {
    return new Map(this.observers.map((one) => [one, new Set(one.notes.standing)]));
  }

  /** Whether none of these stands any more. */
  replaced(before: Standing): boolean {
    return [...before].every(([one, those]) => ![...those].some((connection) => one.notes.standing.has(connection)));
  }

  /** Items and requests begin to flow. */
  begin(): void {
    const { rate, publishers, padBytes, itemsPath, requests, requestPath } = this.#options;
    const everyMs = (1_000 * publishers) / rate;
    const now = this.#context.now();
    this.#publishers = Array.from({ length: rate > 0 ? publishers : 0 }, (_, i) => {
      const url = httpUrl(this.#service, itemsPath);
      // Evenly between each other, so that all together have the rate.
      const firstAt = now + (i * everyMs) / publishers;
      return new Publisher(this.#context, { name: `p${i + 1}`, run: this.#run, url, everyMs, firstAt, padBytes });
    });
    this.#publishing = all(this.#publishers.map((one) => one.run(this.#stopPublishing.signal, this.#drop.signal)));
    if (requests === 0) return;
    this.#requests = new Requests(this.#context, { url: httpUrl(this.#service, requestPath), rate: requests });
    this.#requesting = this.#requests.run(this.#stopRequests.signal, this.#drop.signal);
  }

  /** No more items but sentinels; settles with those that everybody was to get, when everybody has, or too late. */
  async finish(signal: Signal): Promise<readonly Mark[]> {
    this.#stopPublishing.abort();
    await this.#atMost(this.#publishing, signal);
    let marks: readonly Mark[] = [];
    for (let tries = 0; tries < SENTINELS && this.#publishers.length > 0 && !signal.aborted; tries += 1) {
      const sent = all(this.#publishers.map((one) => one.sentinel(this.#drop.signal)));
      await this.#atMost(sent, signal);
      marks = (await sent).filter((mark) => mark !== undefined);
      const there = () => this.observers.every((one) => marks.every((mark) => one.reached(mark)));
      if (await until(this.#context, SENTINEL_MS, there, signal)) break;
    }
    this.#stopRequests.abort();
    await this.#atMost(this.#requesting, signal);
    return marks;
  }

  /** Everybody leaves; nothing is open when this settles. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopPublishing.abort();
    this.#stopRequests.abort();
    this.#drop.abort();
    await Promise.all([this.#publishing, this.#requesting, ...this.observers.map((one) => one.close())]);
    for (const one of [...this.#publishers, this.#requests]) one?.close();
  }

  counts(): Omit<Sample, "at" | "step" | "round" | "replicas"> {
    const count = (type: Sighting["type"]) => this.observers.reduce((sum, { notes }) => sum + notes.count(type), 0);
    const faults = (kind: "lost" | "repeated" | "outOfOrder") =>
      this.observers.reduce((sum, { notes }) => sum + notes.continuity[kind], 0);
    const published = this.#publishers.reduce((sum, one) => sum + one.published.length, 0);
    return {
      clients: this.observers.length,
      connected: this.connected,
      connections: count("open"),
      refused: count("refused"),
      received: count("item"),
      lost: faults("lost"),
      repeated: faults("repeated"),
      outOfOrder: faults("outOfOrder"),
      published,
      acked: this.#publishers.reduce((sum, one) => sum + one.acked, 0),
      requests: this.#requests?.records.length ?? 0,
      requestsFailed: this.#requests?.failed ?? 0,
    };
  }

  /** Waits; what takes too long, or is not wanted any more, is dropped. */
  async #atMost(pending: Promise<unknown>, signal: Signal): Promise<void> {
    const drop = () => this.#drop.abort();
    const cancel = this.#context.clock.after(LAST_MS, drop);
    signal.addEventListener("abort", drop, { once: true });
    if (signal.aborted) drop();
    await pending;
    cancel();
    signal.removeEventListener("abort", drop);
  }
}

function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  return Promise.all(promises);
}
