import { type Attributes, context, type Span, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { parts } from "../drain/budget.js";
import type { Drain } from "../drain/engine.js";
import type { DrainEvent, Receipt } from "../drain/events.js";
import { shown } from "../drain/receipt.js";

const NAME = "graceful_shutdown";

/** A trace of the drain: one span, with a child for each phase; gives that span while it goes on. */
export function traceDrain(drain: Drain, tracer: Tracer): () => Span | undefined {
  let whole: Span | undefined;
  let phase: Span | undefined;

  /** The log hears of the beginning before we do: whoever asks first makes it. */
  function begun(): Span {
    whole ??= tracer.startSpan(NAME, { root: true });
    return whole;
  }

  function on(event: DrainEvent): void {
    switch (event.type) {
      case "started": {
        const budget = Object.fromEntries(parts(event.plan).map(({ part, ms }) => [`${part}_ms`, ms]));
        begun().setAttributes(named({ reason: event.reason, ...prefixed("plan", budget) }));
        return;
      }
      case "phase_started": {
        const parent = trace.setSpan(context.active(), begun());
        phase = tracer.startSpan(event.phase, { attributes: named({ cap_ms: event.capMs }) }, parent);
        return;
      }
      case "phase_ended":
        phase?.setAttributes(named({ phase: event.phase, outcome: event.outcome }));
        if (event.outcome === "failed" || event.outcome === "cut") fail(phase, event.outcome);
        // A span that is not ended is not sent: there was nothing to do.
        if (event.outcome !== "skipped") phase?.end();
        phase = undefined;
        return;
      case "error":
        (phase ?? whole)?.recordException(event.error);
        return;
      case "settled":
        return;
      case "completed":
        whole?.setAttributes(receiptAttributes(shown(event.receipt)));
        if (event.receipt.outcome !== "clean") fail(whole, event.receipt.outcome);
        whole?.end();
        whole = undefined;
    }
  }

  drain.subscribe(on);
  return () => (drain.stage === "serving" || drain.stage === "done" ? whole : begun());
}

function fail(span: Span | undefined, message: string): void {
  span?.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** What the receipt says, but for its phases, which are spans, and its errors: they are events, or the reason of it all. */
function receiptAttributes(receipt: Receipt): Attributes {
  const { phases: _phases, errors: _errors, clients, requests, publishes, ...rest } = receipt;
  return named({
    ...rest,
    ...prefixed("clients", clients),
    ...prefixed("requests", requests),
    ...prefixed("publishes", publishes),
  });
}

function prefixed(prefix: string, values: object): Attributes {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}.${key}`, value]));
}

/** Attributes as the standard writes them: in a name space, in snake case. */
function named(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [
      `${NAME}.${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
      value,
    ]),
  );
}
