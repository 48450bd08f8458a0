import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at, envOf, NO_HELM, one, refusal, template, type Values } from "../support/helm.js";
import { CASES } from "./cases.js";
import { foreignFaults } from "./foreign.js";

describe("what stands before the pods", { skip: NO_HELM }, () => {
  it("is a Service without affinity, which has it on request", async () => {
    const service = (values: Values) =>
      template({ service: values }).then((all) => one(all, "Service", "rel-lastcall"));
    assert.equal(at(await service({}), "spec", "sessionAffinity"), "None");
    const sticky = await service({ sessionAffinity: "ClientIP", type: "NodePort", externalTrafficPolicy: "Local" });
    assert.equal(at(sticky, "spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"), 10800);
    assert.equal(at(sticky, "spec", "externalTrafficPolicy"), "Local");
    const near = await service({ trafficDistribution: "PreferClose", appProtocol: "kubernetes.io/ws" });
    assert.equal(at(near, "spec", "trafficDistribution"), "PreferClose");
    assert.equal(at(near, "spec", "ports", 0, "appProtocol"), "kubernetes.io/ws");
  });

  it("keeps the admin port off what is open to the world", async () => {
    const objects = await template({ adminPort: 9090, service: { type: "LoadBalancer" } });
    const open = one(objects, "Service", "rel-lastcall");
    assert.deepEqual(at(open, "spec", "ports"), [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }]);
    const admin = one(objects, "Service", "rel-lastcall-admin");
    assert.equal(at(admin, "spec", "type"), "ClusterIP");
    assert.deepEqual(at(admin, "spec", "ports"), [{ name: "admin", port: 9090, targetPort: "admin", protocol: "TCP" }]);
    assert.deepEqual(at(admin, "spec", "selector"), at(open, "spec", "selector"));
    const test = envOf(at(one(objects, "Pod"), "spec", "containers", 0));
    assert.deepEqual(
      [test["SERVICE_URL"], test["PROBE_URL"]],
      ["http://rel-lastcall:80", "http://rel-lastcall-admin:9090"],
    );
  });

  it("is a Service of one or two address families", async () => {
    const service = { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv6", "IPv4"] };
    const spec = at(one(await template({ service }), "Service", "rel-lastcall"), "spec");
    assert.deepEqual([at(spec, "ipFamilyPolicy"), at(spec, "ipFamilies")], Object.values(service));
  });

  it("lets one pod be evicted at a time, and any that is not ready", async () => {
    const spec = at(one(await template(), "PodDisruptionBudget"), "spec");
    assert.equal(at(spec, "maxUnavailable"), 1);
    assert.equal(at(spec, "unhealthyPodEvictionPolicy"), "AlwaysAllow");
  });

  it("is a Kong that finds a draining pod by itself", async () => {
    const objects = await template({ kong: { enabled: true, hashOnCookie: "lastcall" } });
    const annotations = at(one(objects, "Service", "rel-lastcall"), "metadata", "annotations");
    assert.deepEqual(annotations, {
      "konghq.com/upstream-policy": "rel-lastcall",
      "konghq.com/connect-timeout": "5000",
      "konghq.com/read-timeout": "3600000",
      "konghq.com/write-timeout": "3600000",
      "konghq.com/retries": "3",
    });
    const policy = at(one(objects, "KongUpstreamPolicy"), "spec");
    assert.deepEqual(at(policy, "hashOn"), { cookie: "lastcall", cookiePath: "/" });
    assert.equal(at(policy, "healthchecks", "active", "httpPath"), "/ready");
  });

  it("is a GKE that keeps a connection as long as the pod lives", async () => {
    const objects = await template({ profile: "gke-neg", gke: { gateway: true, ingress: true } });
    const grace = at(at(one(objects, "Deployment"), "spec", "template", "spec"), "terminationGracePeriodSeconds");
    const policy = at(one(objects, "GCPBackendPolicy"), "spec", "default");
    assert.equal(at(policy, "connectionDraining", "drainingTimeoutSec"), grace);
    const check = at(one(objects, "HealthCheckPolicy"), "spec", "default", "config", "httpHealthCheck");
    assert.equal(at(check, "requestPath"), "/ready");
    assert.equal(at(one(objects, "BackendConfig"), "spec", "healthCheck", "requestPath"), "/ready");
  });

  it("tells GKE that a pod speaks TLS: an Ingress by annotation, a Gateway by the port's protocol", async () => {
    const service = async (values: Values) => one(await template(values), "Service", "rel-lastcall");
    const tls = { secretName: "tls" };
    const protocols = ["metadata", "annotations", "cloud.google.com/app-protocols"];
    const protocol = ["spec", "ports", 0, "appProtocol"];
    const both = await service({ tls, gke: { gateway: true, ingress: true } });
    assert.deepEqual([at(both, ...protocols), at(both, ...protocol)], ['{"http":"HTTPS"}', "HTTPS"]);
    const plain = await service({ gke: { gateway: true, ingress: true } });
    assert.deepEqual([at(plain, ...protocols), at(plain, ...protocol)], [undefined, undefined]);
    const asked = await service({ tls, gke: { gateway: true }, service: { appProtocol: "HTTP2" } });
    assert.equal(at(asked, ...protocol), "HTTP2");
  });

  it("is a route without `timeouts` for GKE, which refuses a route that has them", async () => {
    const route = async (values: Values) =>
      at(
        one(await template({ httpRoute: { enabled: true, parentRefs: [{ name: "a" }] }, ...values }), "HTTPRoute"),
        "spec",
      );
    assert.equal(at(await route({ gke: { gateway: true } }), "rules", 0, "timeouts"), undefined);
  });

  it("is an Ingress or an HTTPRoute to the Service, the latter without a time limit", async () => {
    const hosts = [{ host: "a.example" }];
    const parentRefs = [{ name: "gateway" }];
    const objects = await template({ ingress: { enabled: true, hosts }, httpRoute: { enabled: true, parentRefs } });
    const path = at(one(objects, "Ingress"), "spec", "rules", 0, "http", "paths", 0);
    assert.deepEqual(at(path, "backend", "service"), { name: "rel-lastcall", port: { name: "http" } });
    const rule = at(one(objects, "HTTPRoute"), "spec", "rules", 0);
    assert.deepEqual(at(rule, "timeouts"), { request: "0s" });
    assert.deepEqual(at(rule, "backendRefs"), [{ name: "rel-lastcall", port: 80 }]);
  });

  it("may be the replaced system's client", async () => {
    const client = one(await template({ client: { enabled: true } }), "Deployment", "rel-lastcall-client");
    assert.deepEqual(at(client, "spec", "template", "spec", "containers", 0, "args"), [
      "client",
      "--protocol",
      "text",
      "ws://rel-lastcall:80/ws",
    ]);
  });
});

describe("the objects of gateways", { skip: NO_HELM }, () => {
  const tls = { secretName: "tls" };
  const route = { enabled: true, parentRefs: [{ name: "gateway" }] };
  const edges: Readonly<Record<string, Values>> = {
    ...CASES,
    "with TLS": { tls, httpRoute: route, kong: { enabled: true }, gke: { gateway: true, ingress: true } },
    "with an admin port": { adminPort: 9090, gke: { gateway: true, ingress: true } },
    "at their bounds": {
      httpRoute: { ...route, requestTimeout: "99999h59m", path: "/a/b", hostnames: ["*.example.com"] },
      kong: { enabled: true, activeChecks: { intervalSeconds: 1, failures: 255 } },
      shutdown: { preStopSeconds: 3600, endpointRemovalMaxSeconds: 3600 },
      gke: { ingress: true, timeoutSeconds: 2147483647, healthCheck: { intervalSeconds: 300, failures: 10 } },
    },
    "at GKE's bounds": {
      shutdown: { preStopSeconds: 3600, endpointRemovalMaxSeconds: 3600 },
      gke: { gateway: true, timeoutSeconds: 2147483647, healthCheck: { intervalSeconds: 1, failures: 1 } },
    },
  };

  it("have only fields and values that their controllers know", async () => {
    const seen = new Set<unknown>();
    for (const [name, values] of Object.entries(edges)) {
      for (const object of await template(values)) {
        const faults = foreignFaults(object);
        if (faults !== undefined) seen.add(object["kind"]);
        assert.deepEqual(faults ?? [], [], `${name}: ${object["kind"]}`);
      }
    }
    const kinds = ["BackendConfig", "GCPBackendPolicy", "HTTPRoute", "HealthCheckPolicy", "KongUpstreamPolicy"];
    assert.deepEqual([...seen].sort(), kinds);
  });

  it("are told apart from ones with a field too much, a value out of bounds or of another version", async () => {
    const policy = one(await template({ kong: { enabled: true } }), "KongUpstreamPolicy");
    const active = { type: "http", httpPath: "/ready", healthy: { interval: 1 }, unhealthy: { interval: 1 } };
    const spec = (more: Values) => foreignFaults({ ...policy, spec: { algorithm: "round-robin", ...more } });
    assert.deepEqual(spec({ healthchecks: { active } }), []);
    assert.match(String(spec({ healthcheck: {} })), /additional properties/);
    assert.match(String(spec({ algorithm: "random" })), /algorithm/);
    assert.match(
      String(spec({ healthchecks: { active: { ...active, healthy: { interval: -1 } } } })),
      /interval: must be >= 0/,
    );
    assert.match(String(spec({ hashOn: { cookie: "a", cookiePath: "/" } })), /algorithm/);
    assert.match(String(foreignFaults({ ...policy, apiVersion: "configuration.konghq.com/v1" })), /apiVersion/);
  });

  it("are not made of what their controllers would refuse", async () => {
    const refused: readonly Values[] = [
      { httpRoute: { ...route, path: "/a//b" } },
      { httpRoute: { ...route, path: "/a/../b" } },
      { httpRoute: { ...route, hostnames: ["Stream.example.com"] } },
      { httpRoute: { ...route, parentRefs: [{ namespace: "gateways" }] } },
      { gke: { healthCheck: { intervalSeconds: 301 } } },
      { kong: { hashOnCookie: "a b" } },
    ];
    for (const values of refused) assert.match(await refusal(values), /schema/, JSON.stringify(values));
  });
});
