import { boolean, choice, decimal, httpUrl, name, optional, pairs } from "./kinds.js";
import type { Env, Reading } from "./reading.js";
import { setting } from "./setting.js";

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export const SAMPLERS = [
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
  "always_on",
  "always_off",
  "traceidratio",
] as const;

export type SamplerName = (typeof SAMPLERS)[number];

/** The standard's own variables, as far as they are judged here; the exporter reads the rest of OTEL_EXPORTER_OTLP_*. */
export const tracing = {
  tracesExporter: setting(
    "OTEL_TRACES_EXPORTER",
    choice(["none", "otlp"]),
    "none",
    "otlp sends traces of HTTP requests and of the drain to an OpenTelemetry collector",
  ),
  sdkDisabled: setting("OTEL_SDK_DISABLED", boolean, false, "Turns tracing off, whatever the others say"),
  otlpEndpoint: setting(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    httpUrl,
    "http://localhost:4318",
    "The collector; /v1/traces is added to it",
  ),
  otlpTracesEndpoint: setting(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    optional(httpUrl, "unset"),
    undefined,
    "Where traces are sent, as it stands; beats OTEL_EXPORTER_OTLP_ENDPOINT",
  ),
  otlpProtocol: setting(
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    choice(["http/protobuf"]),
    "http/protobuf",
    "What the collector is spoken to in",
  ),
  otlpTracesProtocol: setting(
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    optional(choice(["http/protobuf"]), "unset"),
    undefined,
    "The same for traces alone; beats OTEL_EXPORTER_OTLP_PROTOCOL",
  ),
  serviceName: setting("OTEL_SERVICE_NAME", optional(name, "lastcall"), undefined, "The service's name in its traces"),
  resourceAttributes: setting(
    "OTEL_RESOURCE_ATTRIBUTES",
    optional(pairs, "unset"),
    undefined,
    "What else its traces say of it",
  ),
  sampler: setting(
    "OTEL_TRACES_SAMPLER",
    choice(SAMPLERS),
    "parentbased_always_on",
    "Which requests are traced; the drain always is",
  ),
  samplerRatio: setting("OTEL_TRACES_SAMPLER_ARG", decimal(0, 1), 1, "The share that the traceidratio samplers take"),
};

export interface TracingSettings {
  /** Where spans are posted to. */
  readonly url: string;
  /** Said of this process; `service.name` beats the default and what `attributes` say. */
  readonly serviceName: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly sampler: SamplerName;
  readonly samplerRatio: number;
}

/**
 * Undefined: tracing is off. The other variables are judged only when it is on: they are everybody's, and what is meant
 * for another program must not keep this one from starting.
 */
export function readTracing(reading: Reading): TracingSettings | undefined {
  if (reading.get(tracing.tracesExporter) === "none" || reading.get(tracing.sdkDisabled)) return undefined;
  if (reading.get(tracing.otlpTracesProtocol) === undefined) reading.get(tracing.otlpProtocol);
  const endpoint = reading.get(tracing.otlpEndpoint);
  return {
    url: reading.get(tracing.otlpTracesEndpoint) ?? `${endpoint.replace(/\/+$/, "")}/v1/traces`,
    serviceName: reading.get(tracing.serviceName),
    attributes: reading.get(tracing.resourceAttributes) ?? {},
    sampler: reading.get(tracing.sampler),
    samplerRatio: reading.get(tracing.samplerRatio),
  };
}

/** Elsewhere a collector's address is enough to be traced; whoever relies on that is told. */
export function tracingWarnings(env: Env): readonly string[] {
  const said = ({ variable }: { readonly variable: string }) => (env[variable] ?? "").trim() !== "";
  if (said(tracing.tracesExporter) || said(tracing.sdkDisabled)) return [];
  const { otlpEndpoint, otlpTracesEndpoint } = tracing;
  return [otlpEndpoint, otlpTracesEndpoint]
    .filter(said)
    .map(({ variable }) => `${variable} is set, but traces are sent only with OTEL_TRACES_EXPORTER=otlp`);
}
