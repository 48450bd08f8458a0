import { randomUUID } from "node:crypto";
import { deferred } from "../base/deferred.js";
import { LastcallError } from "../base/errors.js";
import type { Publishes } from "../drain/ports.js";
import type { Appended, Journal, Publication } from "../journal/port.js";
import type { Id } from "../protocol/ids.js";
import { isReserved } from "../protocol/text.js";

/** Who publishes until there is auth. */
export const ANONYMOUS = "anonymous";

export interface PublishRequest {
  readonly stream: string;
  readonly publisher: string;
  /** Made when absent. */
  readonly key?: string | undefined;
  /** JSON text. */
  readonly data: string;
}

export interface Published {
  readonly id: Id;
  /** The same key and data were published before. */
  readonly repeated: boolean;
}

/** What became of one item: `refused` for its own fault, `failed` for the journal's. */
export type PublishResult = "appended" | "repeated" | "refused" | "failed";

/** The one way into the journal; knows what is accepted and not yet in it. */
export class Publisher implements Publishes {
  readonly #journal: Journal;
  readonly #maxItemBytes: number;
  readonly #observe: (result: PublishResult, ms: number) => void;
  #pending = 0;
  #settled = deferred();

  constructor(journal: Journal, maxItemBytes: number, observe: (result: PublishResult, ms: number) => void) {
    this.#journal = journal;
    this.#maxItemBytes = maxItemBytes;
    this.#observe = observe;
  }

  /**
   * Resolves when the item is in the journal.
   * @throws LastcallError `invalid_request` (no JSON, no stream's name), `reserved`, `too_large`, `key_reused`, `journal_unavailable`
   */
  async publish(request: PublishRequest, signal?: AbortSignal): Promise<Published> {
    const [result] = await this.publishAll([request], signal);
    if (result === undefined) throw new LastcallError("internal", "the journal gave no answer");
    const { id } = result;
    if (result.type === "appended") return { id, repeated: result.repeated };
    throw new LastcallError("key_reused", "the key was used before with other data", {
      detail: { key: request.key, id },
    });
  }

  /**
   * Several items of one stream and publisher, in order, as one transaction. A reused key concerns its item alone: it is
   * told in the results, which stand in the same order.
   * @throws LastcallError as `publish` does, but for `key_reused`; then none of them is in the journal
   */
  async publishAll(requests: readonly PublishRequest[], signal?: AbortSignal): Promise<readonly Appended[]> {
    const stream = requests[0]?.stream;
    if (stream === undefined) return [];
    const startedAt = performance.now();
    const observe = (result: PublishResult) => this.#observe(result, performance.now() - startedAt);
    try {
      const publications = requests.map((request) => this.#accept(request));
      const results = await this.#append(stream, publications, signal);
      for (const result of results) observe(outcome(result));
      return results;
    } catch (thrown) {
      const refused = thrown instanceof LastcallError && thrown.status < 500;
      for (const _ of requests) observe(refused ? "refused" : "failed");
      throw thrown;
    }
  }

  async settle(): Promise<void> {
    while (this.#pending > 0) await this.#settled.promise;
  }

  pending(): number {
    return this.#pending;
  }

  async #append(stream: string, publications: readonly Publication[], signal: AbortSignal | undefined) {
    if (this.#pending === 0) this.#settled = deferred();
    this.#pending += publications.length;
    try {
      return await this.#journal.append(stream, publications, signal);
    } finally {
      this.#pending -= publications.length;
      if (this.#pending === 0) this.#settled.resolve();
    }
  }

  #accept(request: PublishRequest): Publication {
    const { publisher, key = randomUUID(), data } = request;
    const bytes = Buffer.byteLength(data);
    if (bytes > this.#maxItemBytes) {
      throw new LastcallError("too_large", `an item may have ${this.#maxItemBytes} bytes; this one has ${bytes}`, {
        detail: { maxBytes: this.#maxItemBytes },
      });
    }
    if (!isJson(data)) throw new LastcallError("invalid_request", "an item's data must be JSON");
    if (isReserved(data)) {
      throw new LastcallError("reserved", `${data.trim()} is a word of the text protocol and cannot be an item's data`);
    }
    return { publisher, key, data };
  }
}

function outcome(result: Appended): PublishResult {
  if (result.type === "key_reused") return "refused";
  return result.repeated ? "repeated" : "appended";
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
