import { FastifyOtelInstrumentation } from "@fastify/otel";
import type { Span, TracerProvider } from "@opentelemetry/api";
import type { FastifyPluginCallback, FastifyRequest } from "fastify";

/** One span for each request, but for routes that opt out (`config.otel`: probes, `/ws`, `/events`). */
export function traceRequests(provider: TracerProvider): FastifyPluginCallback {
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    requestHook: describe,
  });
  instrumentation.setTracerProvider(provider);
  return instrumentation.plugin();
}

/** As the semantic conventions have it: a name with the route in it, and a path without the query, which may hold a token. */
function describe(span: Span, request: FastifyRequest): void {
  const { method, url, routeOptions } = request;
  span.updateName(routeOptions.url === undefined ? method : `${method} ${routeOptions.url}`);
  span.setAttribute("url.path", url.split("?")[0] ?? "");
}
