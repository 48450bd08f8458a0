import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { at, one, template } from "../support/helm.js";
import type { Values } from "./cluster.js";

/** Debian's is built without Kubernetes' discovery. */
export const PROMETHEUS =
  process.env["PROMETHEUS"] ??
  join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "lastcall-prometheus/prometheus");

/** Why the test with it does not run here, or false. */
export const NO_DISCOVERY = existsSync(PROMETHEUS)
  ? false
  : `NOT TESTED WITH PROMETHEUS: there is no ${PROMETHEUS}; node .build/prometheus.js builds it`;

export const SCRAPE_SECONDS = 2;

/** Each of the two jobs scrapes once in that time, and each has to see the final figures. */
export const LINGERING: Values = {
  shutdown: { lingerSeconds: 3 * SCRAPE_SECONDS },
  config: { METRICS_LINGER_SCRAPES: 2 },
};

/**
 * The pods of the chart as Prometheus' own Kubernetes discovery finds them: by the roles that a PodMonitor and a
 * ServiceMonitor of the chart ask the operator for, and with what it makes of their selectors (promcfg.go).
 */
export function discover(kubeconfig: string): readonly object[] {
  const keep = (label: string, regex: string) => ({ action: "keep", source_labels: [label], regex });
  const take = (label: string, target: string) => ({ source_labels: [label], target_label: target });
  const job = (role: string, owner: string, port: string) => ({
    job_name: role,
    kubernetes_sd_configs: [{ role, kubeconfig_file: kubeconfig }],
    relabel_configs: [
      keep(`__meta_kubernetes_${owner}_label_app_kubernetes_io_component`, "server"),
      keep(`__meta_kubernetes_${port}_name`, "http"),
      { action: "drop", source_labels: ["__meta_kubernetes_pod_phase"], regex: "(Failed|Succeeded)" },
      take("__meta_kubernetes_namespace", "namespace"),
      take("__meta_kubernetes_pod_name", "pod"),
    ],
  });
  return [job("pod", "pod", "pod_container_port"), job("endpointslice", "service", "endpointslice_port")];
}

/** The chart's alerts, on whatever is found. */
export async function alerts(): Promise<unknown> {
  const objects = await template({ monitor: { enabled: true }, rules: { enabled: true, selector: 'pod!=""' } });
  return at(one(objects, "PrometheusRule"), "spec");
}
