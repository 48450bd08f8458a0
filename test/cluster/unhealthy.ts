import type { Values } from "./cluster.js";

/**
 * The one fault here that is not a real one: nothing makes a process that serves well fail its liveness probe. On SIGWINCH
 * this answers `/health` with 503 in its place; what the kubelet then does, and the process after that, is theirs.
 */
const MODULE = `
import { Server } from "node:http";
let failing = false;
process.on("SIGWINCH", () => { failing = true; });
const { emit } = Server.prototype;
Server.prototype.emit = function (event, request, response, ...rest) {
  if (!failing || event !== "request" || request.url !== "/health") return emit.call(this, event, request, response, ...rest);
  response.writeHead(503).end();
  return true;
};
`;

export const UNHEALTHY: Values = {
  probes: { liveness: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2 } },
  extraObjects: [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "unhealthy" }, data: { "unhealthy.mjs": MODULE } },
  ],
  extraVolumes: [{ name: "unhealthy", configMap: { name: "unhealthy" } }],
  extraVolumeMounts: [{ name: "unhealthy", mountPath: "/unhealthy" }],
  extraEnv: [{ name: "NODE_OPTIONS", value: "--import=/unhealthy/unhealthy.mjs" }],
};

/** A shell command after which the liveness probe of `pod` fails. */
export function failsLiveness(pod: string): string {
  return `kubectl exec ${pod} -- node -e 'process.kill(1, "SIGWINCH")'`;
}
