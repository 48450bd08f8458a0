import { closed, judgeOf, type Schema } from "./foreign.js";

/*
 * What the Prometheus operator knows of the fields that the chart sets, and nothing more. Read from its
 * example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,servicemonitors,prometheusrules}.yaml, 0.93 (2026-07).
 */

const text = { type: "string" };
const texts = { type: "object", additionalProperties: text };
const names = { type: "array", items: { type: "string", minLength: 1 } };
const duration = {
  type: "string",
  pattern: "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
};
const list = (items: Schema) => ({ type: "array", minItems: 1, items });

const relabelings = list(
  closed(
    {
      sourceLabels: names,
      separator: text,
      targetLabel: text,
      regex: text,
      modulus: { type: "integer" },
      replacement: text,
      // The CRD has each in lower case and in CamelCase.
      action: { enum: ["replace", "keep", "drop", "hashmod", "labelmap", "labeldrop", "labelkeep"] },
    },
    ["sourceLabels", "separator", "targetLabel", "regex", "modulus", "replacement", "action"],
  ),
);
const endpoint = closed(
  {
    port: text,
    path: text,
    interval: duration,
    scrapeTimeout: duration,
    scheme: { enum: ["http", "https"] },
    tlsConfig: closed({ insecureSkipVerify: { type: "boolean" }, serverName: text }, ["serverName"]),
    relabelings,
    metricRelabelings: relabelings,
  },
  ["scheme", "tlsConfig", "relabelings", "metricRelabelings"],
);
const selector = closed({ matchLabels: texts });

const apiVersion = "monitoring.coreos.com/v1";

/** Faults of what is the Prometheus operator's; undefined for every other kind. */
export const operatorFaults = judgeOf({
  PodMonitor: {
    apiVersion,
    spec: closed({ selector, podTargetLabels: names, podMetricsEndpoints: list(endpoint) }, ["podTargetLabels"]),
  },
  ServiceMonitor: {
    apiVersion,
    spec: closed(
      {
        serviceDiscoveryRole: { enum: ["Endpoints", "EndpointSlice"] },
        selector,
        podTargetLabels: names,
        endpoints: list(endpoint),
      },
      ["podTargetLabels"],
    ),
  },
  PrometheusRule: {
    apiVersion,
    spec: closed({
      groups: list(
        closed({
          name: { type: "string", minLength: 1 },
          rules: list(closed({ alert: text, expr: text, for: duration, labels: texts, annotations: texts })),
        }),
      ),
    }),
  },
});
