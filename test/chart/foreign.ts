import { Ajv, type ValidateFunction } from "ajv";
import type { Manifest } from "../support/helm.js";

/*
 * What the controllers of others know of the fields that the chart sets, and nothing more: closed, with the bounds of
 * their CustomResourceDefinitions, and with those of their CEL rules that concern these fields. Read from
 *
 * HTTPRoute           kubernetes-sigs/gateway-api, config/crd/standard/gateway.networking.k8s.io_httproutes.yaml, 2026-08
 * KongUpstreamPolicy  Kong/kubernetes-configuration, config/crd/gateway-operator/configuration.konghq.com_kongupstreampolicies.yaml, 2026-02
 * GCPBackendPolicy    GoogleCloudPlatform/gke-gateway-api, config/crd/networking.gke.io_gcpbackendpolicies.yaml, 2026-04
 * HealthCheckPolicy   GoogleCloudPlatform/gke-gateway-api, config/crd/networking.gke.io_healthcheckpolicies.yaml, 2026-04
 * BackendConfig       kubernetes/ingress-gce, pkg/apis/backendconfig/v1/types.go (types only: the bounds are those of Compute's
 *                     healthChecks and backendServices, which HealthCheckPolicy and GCPBackendPolicy have written out)
 */

export type Schema = Readonly<Record<string, unknown>>;

/** An object of these fields and no other; all that are not in `optional` must be there. */
export function closed(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", additionalProperties: false, properties, required };
}

const integer = (minimum: number, maximum: number) => ({ type: "integer", minimum, maximum });
const oneOf = (...values: readonly unknown[]) => ({ enum: values });
const list = (items: Schema, minItems: number, maxItems: number) => ({ type: "array", items, minItems, maxItems });
const name = { type: "string", minLength: 1, maxLength: 253 };

const port = integer(1, 65_535);
const readyPath = { const: "/ready" };
const draining = closed({ drainingTimeoutSec: integer(0, 3600) });
const timeoutSec = integer(1, 2_147_483_647);
// checkIntervalSec >= timeoutSec is a rule between two fields: ajv's $data says it.
const checks = {
  checkIntervalSec: integer(1, 300),
  timeoutSec: { type: "integer", minimum: 1, maximum: { $data: "1/checkIntervalSec" } },
  healthyThreshold: integer(1, 10),
  unhealthyThreshold: integer(1, 10),
};
const service = closed({ group: oneOf(""), kind: oneOf("Service"), name });
const httpCheck = closed({ requestPath: readyPath, portSpecification: oneOf("USE_FIXED_PORT"), port });
const statuses = list(integer(100, 599), 1, 32);
/** Kong's own limit, of the Admin API: kong/db/schema/entities/upstreams.lua. */
const seldom = integer(0, 65_535);
const times = integer(0, 255);

const ACTIVE = closed(
  {
    type: oneOf("http", "https", "tcp", "grpc", "grpcs"),
    httpsVerifyCertificate: { type: "boolean" },
    httpPath: readyPath,
    healthy: closed({ interval: seldom, successes: times, httpStatuses: statuses }, ["successes", "httpStatuses"]),
    unhealthy: closed(
      { interval: seldom, httpFailures: times, tcpFailures: times, timeouts: times, httpStatuses: statuses },
      ["httpFailures", "tcpFailures", "timeouts", "httpStatuses"],
    ),
  },
  ["httpsVerifyCertificate"],
);

/** By kind. */
export type Specs = Readonly<Record<string, { readonly apiVersion: string; readonly spec: Schema }>>;

const SPECS: Specs = {
  HTTPRoute: {
    apiVersion: "gateway.networking.k8s.io/v1",
    spec: closed(
      {
        parentRefs: list(
          closed({ name, namespace: name, sectionName: name, port, group: name, kind: name }, [
            ...["namespace", "sectionName", "port", "group", "kind"],
          ]),
          1,
          32,
        ),
        hostnames: list(
          { type: "string", pattern: "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" },
          0,
          16,
        ),
        rules: list(
          closed(
            {
              matches: list(
                closed({
                  path: closed({
                    type: oneOf("Exact", "PathPrefix"),
                    value: {
                      type: "string",
                      maxLength: 1024,
                      pattern: "^/[-A-Za-z0-9/._~!$&'()*+,;=:@%]*$",
                      not: { pattern: "//|/\\.\\.?(/|$)|%2[fF]" },
                    },
                  }),
                }),
                1,
                64,
              ),
              timeouts: closed({ request: { type: "string", pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$" } }),
              backendRefs: list(closed({ name, port }), 1, 16),
            },
            ["timeouts"],
          ),
          1,
          16,
        ),
      },
      ["hostnames"],
    ),
  },
  KongUpstreamPolicy: {
    apiVersion: "configuration.konghq.com/v1beta1",
    spec: {
      ...closed(
        {
          algorithm: oneOf("round-robin", "consistent-hashing", "least-connections", "latency", "sticky-sessions"),
          // A cookie needs a path; exactly one thing to hash on.
          hashOn: closed({ cookie: { type: "string", minLength: 1 }, cookiePath: { type: "string", pattern: "^/" } }),
          healthchecks: closed({ active: ACTIVE }),
        },
        ["hashOn", "healthchecks"],
      ),
      // `hashOn` needs an algorithm that hashes.
      if: { required: ["hashOn"] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { properties: { algorithm: oneOf("consistent-hashing", "sticky-sessions") } },
    },
  },
  GCPBackendPolicy: {
    apiVersion: "networking.gke.io/v1",
    spec: closed({ default: closed({ timeoutSec, connectionDraining: draining }), targetRef: service }),
  },
  HealthCheckPolicy: {
    apiVersion: "networking.gke.io/v1",
    spec: closed({
      default: closed({
        ...checks,
        // Two fields: the type, and the check that is of this type.
        config: {
          oneOf: [
            closed({ type: oneOf("HTTP"), httpHealthCheck: httpCheck }),
            closed({ type: oneOf("HTTPS"), httpsHealthCheck: httpCheck }),
          ],
        },
      }),
      targetRef: service,
    }),
  },
  BackendConfig: {
    apiVersion: "cloud.google.com/v1",
    spec: closed({
      timeoutSec,
      connectionDraining: draining,
      healthCheck: closed({ ...checks, type: oneOf("HTTP", "HTTPS", "HTTP2"), requestPath: readyPath, port }),
    }),
  },
};

const ajv = new Ajv({ allErrors: true, $data: true, strictTypes: false, strictRequired: false });

/** Faults of an object of these kinds; undefined for every other kind. */
export function judgeOf(specs: Specs): (object: Manifest) => readonly string[] | undefined {
  const compiled: ReadonlyMap<string, ValidateFunction> = new Map(
    Object.entries(specs).map(([kind, { apiVersion, spec }]) => [
      kind,
      ajv.compile({
        type: "object",
        properties: { apiVersion: { const: apiVersion }, spec },
        required: ["apiVersion", "spec"],
      }),
    ]),
  );
  return (object) => {
    const validate = compiled.get(String(object["kind"]));
    if (validate === undefined) return undefined;
    validate(object);
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
    );
  };
}

export const foreignFaults = judgeOf(SPECS);
