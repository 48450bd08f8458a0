import { TraceFlags } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { BatchSpanProcessor, type SpanExporter, type SpanProcessor } from "@opentelemetry/sdk-trace";
import { type Clock, sleep } from "../base/clock.js";
import type { Log } from "../server/log.js";

/** Takes spans to the collector in batches, and knows how many have arrived. */
export class Delivery {
  readonly processor: SpanProcessor;
  readonly #log: Log;
  readonly #clock: Clock;
  #ended = 0;
  #arrived = 0;
  #failing = false;

  constructor(exporter: SpanExporter, log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    const batches = new BatchSpanProcessor({
      exporter: {
        export: (spans, done) =>
          exporter.export(spans, (result) => {
            if (result.code === ExportResultCode.SUCCESS) this.#delivered(spans.length);
            else this.#failed(spans.length, result.error);
            done(result);
          }),
        forceFlush: async () => exporter.forceFlush?.(),
        shutdown: () => exporter.shutdown(),
      },
    });
    this.processor = {
      onStart: (span, parent) => batches.onStart(span, parent),
      onEnd: (span) => {
        if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0) this.#ended += 1;
        batches.onEnd(span);
      },
      forceFlush: () => batches.forceFlush(),
      shutdown: () => batches.shutdown(),
    };
  }

  /** Begins to send what there is; nobody waits for it. */
  flush(): void {
    this.processor.forceFlush().catch(ALREADY_TOLD);
  }

  /** Sends what is left; resolves when all has arrived or was given up, after `limitMs` at the latest. */
  async close(limitMs: number): Promise<void> {
    const over = new AbortController();
    // The processor gives up at the first batch that fails, and does not wait for those under way.
    void Promise.allSettled([this.processor.forceFlush(), this.processor.shutdown()]).then(() => over.abort());
    await sleep(this.#clock, limitMs, over.signal);
    const lost = this.#ended - this.#arrived;
    if (lost > 0) this.#log.warn({ lost, sent: this.#arrived }, "Spans did not reach the collector");
  }

  #delivered(spans: number): void {
    this.#arrived += spans;
    if (!this.#failing) return;
    this.#failing = false;
    this.#log.info({ lost: this.#ended - this.#arrived }, "Traces are sent again");
  }

  /** Told once: a collector may be away for long. */
  #failed(spans: number, error: Error | undefined): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#log.warn({ spans, err: error }, "Traces cannot be sent; trying again with the next ones");
  }
}

const ALREADY_TOLD = () => {};
