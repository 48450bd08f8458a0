import { deferred } from "../base/deferred.js";
import type { Figures } from "../drain/ports.js";

/** Counts real scrapes; Prometheus says who it is with a header of its own (scrape.go, since 2.0). */
export const SCRAPE_HEADER = "x-prometheus-scrape-timeout-seconds";

export class Scrapes implements Figures {
  readonly #wanted: number;
  #seen = 0;
  #counting = false;
  readonly #enough = deferred();

  /** `wanted`: scrapes after which the figures are taken as seen. Default 1. */
  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /** Figures were sent to somebody who asked with these headers. */
  sent(headers: Readonly<Record<string, unknown>>): void {
    if (!this.#counting || headers[SCRAPE_HEADER] === undefined) return;
    this.#seen += 1;
    if (this.#seen >= this.#wanted) this.#enough.resolve();
  }

  async scraped(): Promise<void> {
    this.#counting = true;
    await this.#enough.promise;
  }
}
