import type { IncomingMessage } from "node:http";
import { deferred } from "../base/deferred.js";
import type { Figures } from "../drain/ports.js";

/** Prometheus says who it is with a header of its own (scrape.go, since 2.0). */
export const SCRAPE_HEADER = "x-prometheus-scrape-timeout-seconds";

/** Counts real scrapes of the drain's final figures, whoever makes them. */
export class Scrapes implements Figures {
  readonly #wanted: number;
  #seen = 0;
  #counting = false;
  readonly #enough = deferred();

  /** `wanted`: scrapes after which the figures are taken as seen. Default 1. */
  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /**
   * Somebody asks for the figures. If what they are told from now on is to count, the result is to be called when they
   * have it, to the last byte; undefined for whoever only looks, and as long as the figures may still change.
   */
  asked({ method, headers }: Pick<IncomingMessage, "method" | "headers">): (() => void) | undefined {
    if (!this.#counting || method !== "GET" || headers[SCRAPE_HEADER] === undefined) return undefined;
    return () => {
      this.#seen += 1;
      if (this.#seen >= this.#wanted) this.#enough.resolve();
    };
  }

  async scraped(): Promise<void> {
    this.#counting = true;
    await this.#enough.promise;
  }
}
