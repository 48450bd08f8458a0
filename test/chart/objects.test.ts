import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at, envOf, type How, type Manifest, NO_HELM, nameOf, one, template, type Values } from "../support/helm.js";
import { CASES } from "./cases.js";

async function deployment(values: Values = {}, how: How = {}): Promise<Manifest> {
  return one(await template(values, how), "Deployment", "rel-lastcall");
}

const podSpec = (object: Manifest) => at(object, "spec", "template", "spec");
const container = (object: Manifest) => at(podSpec(object), "containers", 0);
const checksum = (object: Manifest) => at(object, "spec", "template", "metadata", "annotations", "checksum/config");

describe("the Deployment", { skip: NO_HELM }, () => {
  it("makes all successors first, and takes no pod away before", async () => {
    const spec = at(await deployment(), "spec");
    assert.deepEqual(at(spec, "strategy", "rollingUpdate"), { maxUnavailable: 0, maxSurge: "100%" });
    assert.equal(at(spec, "minReadySeconds"), 5);
    assert.equal(at(spec, "progressDeadlineSeconds"), 600);
    assert.equal(at(await deployment({ profile: "kong" }), "spec", "minReadySeconds"), 10);
    assert.equal(at(await deployment({ minReadySeconds: 0 }), "spec", "minReadySeconds"), 0);
  });

  it("keeps a pod to the restricted standard, without a token and without service links", async () => {
    const object = await deployment();
    assert.equal(at(podSpec(object), "automountServiceAccountToken"), false);
    assert.equal(at(podSpec(object), "enableServiceLinks"), false);
    assert.equal(at(podSpec(object), "securityContext", "runAsNonRoot"), true);
    assert.deepEqual(at(podSpec(object), "securityContext", "seccompProfile"), { type: "RuntimeDefault" });
    assert.deepEqual(at(container(object), "securityContext"), {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("has requests, and no CPU limit", async () => {
    const resources = at(container(await deployment()), "resources");
    assert.ok(at(resources, "requests", "cpu"));
    assert.deepEqual(at(resources, "limits"), { memory: "512Mi" });
  });

  it("asks /health and /ready, over TLS when the service speaks it, on the admin port when there is one", async () => {
    const probe = async (values: Values, which: string) => at(container(await deployment(values)), which);
    assert.deepEqual(await probe({}, "livenessProbe"), {
      httpGet: { path: "/health", port: "http", scheme: "HTTP" },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    });
    assert.equal(at(await probe({}, "readinessProbe"), "httpGet", "path"), "/ready");
    assert.equal(at(await probe({}, "startupProbe"), "httpGet", "path"), "/health");
    const tls = { tls: { secretName: "tls" } };
    assert.equal(at(await probe(tls, "readinessProbe"), "httpGet", "scheme"), "HTTPS");
    const admin = at(await probe({ ...tls, adminPort: 9090 }, "readinessProbe"), "httpGet");
    assert.deepEqual(admin, { path: "/ready", port: "admin", scheme: "HTTP" });
  });

  it("spreads each version of the pods for itself", async () => {
    const constraints = at(podSpec(await deployment()), "topologySpreadConstraints");
    for (const i of [0, 1]) {
      assert.equal(at(constraints, i, "whenUnsatisfiable"), "ScheduleAnyway");
      assert.deepEqual(at(constraints, i, "matchLabelKeys"), ["pod-template-hash"]);
    }
    assert.equal(at(podSpec(await deployment({ topologySpread: null })), "topologySpreadConstraints"), undefined);
  });

  it("rolls when the settings change, and not for a newer chart", async () => {
    const before = await deployment({ config: { LOG_LEVEL: "info" } });
    const after = await deployment({ config: { LOG_LEVEL: "debug" } });
    assert.notEqual(checksum(before), checksum(after));
    assert.deepEqual(
      at(before, "spec", "template", "metadata", "labels"),
      at(before, "spec", "selector", "matchLabels"),
    );
  });

  it("has whatever labels it is given, one value each", async () => {
    const object = await deployment({ commonLabels: { team: "a", tier: "x" }, podLabels: { team: "b" } });
    const labels = at(object, "spec", "template", "metadata", "labels");
    assert.equal(at(labels, "team"), "b");
    assert.equal(at(labels, "tier"), "x");
    assert.equal(at(labels, "app.kubernetes.io/component"), "server");
  });

  it("is what `kubectl logs` and `exec` mean, whatever else is injected", async () => {
    const annotations = at(
      await deployment({ extraContainers: [{ name: "a", image: "a" }] }),
      "spec",
      "template",
      "metadata",
    );
    assert.equal(at(annotations, "annotations", "kubectl.kubernetes.io/default-container"), "lastcall");
    const podAnnotations = { "checksum/config": "mine" };
    assert.equal(checksum(await deployment({ podAnnotations })), "mine");
  });

  it("names its image by tag or digest", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    assert.equal(at(container(await deployment({ image: { tag: "x" } })), "image"), "ghcr.io/lastcall/lastcall:x");
    const image = { image: { repository: "r/l", tag: "x", digest } };
    assert.equal(at(container(await deployment(image)), "image"), `r/l@${digest}`);
  });

  it("leaves the number of pods to an HPA, which takes one away in the time of a drain", async () => {
    const objects = await template({ autoscaling: { enabled: true } });
    assert.equal(at(one(objects, "Deployment"), "spec", "replicas"), undefined);
    const scaler = one(objects, "HorizontalPodAutoscaler");
    const policies = [{ type: "Pods", value: 1, periodSeconds: 50 }];
    assert.deepEqual(at(scaler, "spec", "behavior", "scaleDown", "policies"), policies);
    assert.equal(at(await deployment({ replicaCount: 0 }), "spec", "replicas"), 0);
  });
});

describe("every pod of the chart", { skip: NO_HELM }, () => {
  const pods = async (values: Values) =>
    (await template(values)).flatMap((object) => {
      const spec = object["kind"] === "Pod" ? object["spec"] : podSpec(object);
      return spec === undefined ? [] : [{ of: `${object["kind"]} ${nameOf(object)}`, spec }];
    });

  // https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
  it("keeps to the restricted standard, and has no token", async () => {
    for (const [name, values] of Object.entries(CASES)) {
      for (const { of, spec } of await pods(values)) {
        const where = `${name}: ${of}`;
        assert.equal(at(spec, "automountServiceAccountToken"), false, where);
        assert.equal(at(spec, "securityContext", "runAsNonRoot"), true, where);
        assert.deepEqual(at(spec, "securityContext", "seccompProfile"), { type: "RuntimeDefault" }, where);
        assert.notEqual(at(spec, "securityContext", "runAsUser"), 0, where);
        for (const field of ["hostNetwork", "hostPID", "hostIPC"]) assert.equal(at(spec, field), undefined, where);
        const context = at(spec, "containers", 0, "securityContext");
        assert.equal(at(context, "allowPrivilegeEscalation"), false, where);
        assert.deepEqual(at(context, "capabilities"), { drop: ["ALL"] }, where);
      }
    }
  });

  it("goes where the server's may go, Valkey where its own say", async () => {
    const server = { nodeSelector: { pool: "arm" }, tolerations: [{ key: "arm", operator: "Exists" }] };
    const valkey = { nodeSelector: { pool: "disks" }, priorityClassName: "high" };
    const found = await pods({ ...server, valkey, client: { enabled: true } });
    assert.equal(found.length, 4);
    for (const { of, spec } of found) {
      const own = of.startsWith("StatefulSet");
      assert.deepEqual(at(spec, "nodeSelector"), own ? valkey.nodeSelector : server.nodeSelector, of);
      assert.deepEqual(at(spec, "tolerations"), own ? undefined : server.tolerations, of);
      assert.equal(at(spec, "priorityClassName"), own ? "high" : undefined, of);
    }
  });

  it("may leave its user to the platform", async () => {
    const podSecurityContext = { runAsUser: null, runAsGroup: null, fsGroup: null };
    for (const { of, spec } of await pods({ podSecurityContext, valkey: { podSecurityContext } })) {
      const left = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } };
      assert.deepEqual(at(spec, "securityContext"), left, of);
    }
  });
});

describe("the journal", { skip: NO_HELM }, () => {
  const journalUrl = async (values: Values) => envOf(container(await deployment(values)))["JOURNAL_URL"];

  it("is a persistent Valkey that has each append on disk", async () => {
    const objects = await template();
    const set = one(objects, "StatefulSet", "rel-lastcall-valkey");
    assert.equal(at(set, "spec", "volumeClaimTemplates", 0, "metadata", "name"), "data");
    const args = at(container(set), "args");
    assert.ok(Array.isArray(args));
    assert.match(args.join(" "), /--appendonly yes --appendfsync always --save {2}--maxmemory-policy noeviction/);
    assert.equal(await journalUrl({}), "redis://rel-lastcall-valkey:6379");
    one(objects, "Service", "rel-lastcall-valkey");
    const policy = one(objects, "NetworkPolicy", "rel-lastcall-valkey");
    const from = at(policy, "spec", "ingress", 0, "from", 0, "podSelector", "matchLabels");
    assert.equal(at(from, "app.kubernetes.io/component"), "server");
  });

  it("refuses an append when its memory is nearly full, rather than be killed with all of it", async () => {
    const most = async (resources: Values) => {
      const values = { valkey: { resources, extraArgs: ["--loglevel", "debug"] } };
      const args = at(container(one(await template(values), "StatefulSet")), "args");
      assert.ok(Array.isArray(args));
      assert.deepEqual(args.slice(-2), ["--loglevel", "debug"]);
      return /--maxmemory (\d+)/.exec(args.join(" "))?.[1];
    };
    assert.equal(await most({}), `${768 * 1024 ** 2}`);
    assert.equal(await most({ limits: { memory: "4Gi" } }), `${3 * 1024 ** 3}`);
    assert.equal(await most({ limits: { memory: "1.5G" } }), "1125000000");
    assert.equal(await most({ limits: { memory: "100000Ki" } }), "76800000");
    assert.equal(await most({ limits: { memory: 2 ** 31 } }), `${1.5 * 1024 ** 3}`);
    assert.equal(await most({ limits: { memory: null } }), undefined);
  });

  it("is asked for with its password", async () => {
    const values = { valkey: { auth: { existingSecret: "s" } } };
    assert.equal(await journalUrl(values), "redis://:$(VALKEY_PASSWORD)@rel-lastcall-valkey:6379");
  });

  it("is an external one by its Secret, and Valkey is not there", async () => {
    const values = { valkey: { enabled: false }, journal: { existingSecret: "redis" } };
    assert.deepEqual(await journalUrl(values), { secretKeyRef: { name: "redis", key: "url" } });
    assert.ok(!(await template(values)).some((object) => object["kind"] === "StatefulSet"));
  });

  it("is a file on a volume of its own for one pod", async () => {
    const only = { replicaCount: 1, strategy: { type: "Recreate" }, valkey: { enabled: false } };
    const objects = await template({ ...only, journal: { url: "lmdb:/data" } });
    const claim = one(objects, "PersistentVolumeClaim");
    assert.equal(at(claim, "metadata", "annotations", "helm.sh/resource-policy"), "keep");
    const object = one(objects, "Deployment");
    assert.deepEqual(at(object, "spec", "strategy"), { type: "Recreate" });
    assert.equal(at(podSpec(object), "volumes", 0, "persistentVolumeClaim", "claimName"), "rel-lastcall-data");
  });
});
