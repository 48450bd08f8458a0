import { context, diag, propagation, type Span, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { setGlobalErrorHandler, W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { FastifyPluginCallback } from "fastify";
import type { Clock } from "../base/clock.js";
import type { Drain } from "../drain/engine.js";
import type { Journal } from "../journal/port.js";
import type { Log } from "../server/log.js";
import { Delivery } from "./tracing-delivery.js";
import { traceDrain } from "./tracing-drain.js";
import { traceJournal } from "./tracing-journal.js";
import { traceRequests } from "./tracing-requests.js";
import type { SamplerName, TracingSettings } from "./tracing-settings.js";

const SCOPE = "lastcall";

const SAMPLERS: Readonly<Record<SamplerName, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
};

/** What the service does with its traces. */
export interface Tracing {
  /** Traces HTTP requests; to be registered before anything else. */
  readonly requests: FastifyPluginCallback;
  /** The same journal, whose appends are part of the request that asked for them. */
  journal(journal: Journal): Journal;
  /** Makes a trace of the drain, and sends what has ended as soon as nothing is in flight any more. */
  follow(drain: Drain): void;
  /** `trace_id` and `span_id` of what goes on where this is called. */
  logFields(): object;
  /** Sends the rest; resolves when it has arrived, or after `limitMs`. What did not arrive is logged, and is no error. */
  close(limitMs: number): Promise<void>;
}

interface Surroundings {
  readonly log: Log;
  readonly clock: Clock;
  readonly version: string;
  readonly pod: string;
}

/** Starts tracing for the whole process. This file is a bundle of its own, which nobody loads who does not trace. */
export function startTracing(settings: TracingSettings, { log, clock, version, pod }: Surroundings): Tracing {
  const warn = (...said: readonly unknown[]) => {
    // What else it hands over can be as large as an answer.
    const words = said.filter((one) => typeof one === "string" || one instanceof Error);
    log.warn({}, `OpenTelemetry: ${words.join(" ")}`);
  };
  const silent = () => {};
  diag.setLogger({ error: warn, warn, info: silent, debug: silent, verbose: silent });
  // Batches that did not arrive: `Delivery` tells of them.
  setGlobalErrorHandler(silent);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());

  const { url, serviceName, attributes, sampler, samplerRatio } = settings;
  const own = resourceFromAttributes({
    "service.name": "lastcall",
    "service.version": version,
    "service.instance.id": pod,
    ...attributes,
    ...(serviceName === undefined ? {} : { "service.name": serviceName }),
  });
  const resource = defaultResource().merge(own);
  const delivery = new Delivery(new OTLPTraceExporter({ url }), log, clock);
  const spanProcessors = [delivery.processor];
  const sampled = new TracerProvider({ resource, spanProcessors, sampler: SAMPLERS[sampler](samplerRatio) });
  // A process drains once: whatever share of the requests is traced, that is worth it.
  const always = new TracerProvider({ resource, spanProcessors, sampler: new AlwaysOnSampler() });
  let drainSpan: () => Span | undefined = () => undefined;

  return {
    requests: traceRequests(sampled),
    journal: (journal) => traceJournal(journal, sampled.getTracer(SCOPE, version)),
    follow(drain) {
      drainSpan = traceDrain(drain, always.getTracer(SCOPE, version));
      drain.subscribe((event) => {
        if (event.type === "phase_started" && event.phase === "release") delivery.flush();
      });
    },
    logFields() {
      const span = trace.getActiveSpan();
      // One that is over, or is not sent, would lead nowhere.
      const current = span?.isRecording() ? span : drainSpan();
      if (current === undefined) return {};
      const { traceId, spanId } = current.spanContext();
      return { trace_id: traceId, span_id: spanId };
    },
    close: (limitMs) => delivery.close(limitMs),
  };
}
