import { SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { toError } from "../base/errors.js";
import type { Journal } from "../journal/port.js";

/**
 * The same journal, with a span for each append that a traced request asks for. What comes over sockets and from the
 * feed is part of no request: a trace for each item would be worth less than it costs.
 */
export function traceJournal(journal: Journal, tracer: Tracer): Journal {
  return {
    backend: journal.backend,
    keyTtlMs: journal.keyTtlMs,
    append(stream, publications, signal) {
      if (!trace.getActiveSpan()?.isRecording()) return journal.append(stream, publications, signal);
      const attributes = { "lastcall.journal": journal.backend, "lastcall.stream": stream };
      return tracer.startActiveSpan("journal append", { kind: SpanKind.CLIENT, attributes }, async (span) => {
        try {
          return await journal.append(stream, publications, signal);
        } catch (thrown) {
          span.recordException(toError(thrown));
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw thrown;
        } finally {
          span.end();
        }
      });
    },
    read: (...args) => journal.read(...args),
    head: (...args) => journal.head(...args),
    follow: (...args) => journal.follow(...args),
    check: (...args) => journal.check(...args),
    close: () => journal.close(),
  };
}
