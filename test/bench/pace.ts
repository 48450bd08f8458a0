/**
 * The publisher of the fan-out benches. It runs in the server's own process, on the server's core, and its cost is in
 * every figure: lastcall's puts each item through the publisher and the journal, as `POST /items` does. An item carries
 * the moment at which it was due by the rate asked for, not the one at which it was made: a server too busy to publish
 * in time cannot hide it.
 */
import { createServer } from "node:http";
import type { Server } from "node:net";

/** How often what is due is published, ms. */
const TICK_MS = 1;
/** At most so many at once: a server that cannot keep up publishes on, one large batch after the other. */
const MOST = 4_096;

/** Bytes of an item's text: a marker (see fan.c) and filling. */
const ITEM_BYTES = 120;
const FILLING = ".".repeat(ITEM_BYTES - 25);

function item(n: number, dueUs: number): string {
  return `@${Math.round(dueUs).toString(16).padStart(16, "0")}${n.toString(16).padStart(8, "0")}${FILLING}`;
}

const nowUs = (): number => Number(process.hrtime.bigint()) / 1e3;

/** What the bench hears of a server under test. */
export interface PaceReport {
  /** Items published since the start. */
  readonly published: number;
  /** Where clients connect to. */
  readonly port: number;
}

/** Publishes at the rate that the bench asks for. */
class Pace {
  readonly #publish: (items: readonly string[]) => void;
  #published = 0;
  #rate = 0;
  #sinceUs = 0;
  #sincePublished = 0;

  constructor(publish: (items: readonly string[]) => void) {
    this.#publish = publish;
    setInterval(() => this.#tick(), TICK_MS);
  }

  get published(): number {
    return this.#published;
  }

  /** From now on so many a second; 0 is none. */
  set(rate: number): void {
    this.#rate = rate;
    this.#sinceUs = nowUs();
    this.#sincePublished = this.#published;
  }

  /** So many more, at once. */
  once(count: number): void {
    for (let left = count; left > 0; left -= MOST) this.#make(Math.min(left, MOST), nowUs(), 0);
  }

  #tick(): void {
    if (this.#rate === 0) return;
    const stepUs = 1e6 / this.#rate;
    const published = this.#published - this.#sincePublished;
    const due = Math.floor((nowUs() - this.#sinceUs) / stepUs) - published;
    if (due > 0) this.#make(Math.min(due, MOST), this.#sinceUs + (published + 1) * stepUs, stepUs);
  }

  #make(count: number, firstUs: number, stepUs: number): void {
    const items = Array.from({ length: count }, (_, i) => item(this.#published + 1 + i, firstUs + i * stepUs));
    this.#published += count;
    this.#publish(items);
  }
}

/**
 * Listens on PORT for the bench: `GET /pace?rate=<items a second>` and `GET /pace?once=<items>`, answered with a
 * PaceReport. `publish` gives a batch of items to everybody who is connected to `server`, which listens already.
 */
export function obey(server: Server, publish: (items: readonly string[]) => void): void {
  const pace = new Pace(publish);
  const control = createServer((request, response) => {
    const asked = new URL(request.url ?? "/", "http://localhost").searchParams;
    const [once, rate] = [asked.get("once"), asked.get("rate")];
    if (once !== null) pace.once(Number(once));
    if (rate !== null) pace.set(Number(rate));
    const address = server.address();
    const port = address === null || typeof address === "string" ? 0 : address.port;
    const report: PaceReport = { published: pace.published, port };
    response.end(JSON.stringify(report));
  });
  control.listen(Number(process.env["PORT"]), "127.0.0.1");
}
