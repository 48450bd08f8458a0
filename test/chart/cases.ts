import type { Values } from "../support/helm.js";

/** Values that between them render every object of the chart. */
export const CASES: Readonly<Record<string, Values>> = {
  defaults: {},
  profiles: { profile: "alb-instance" },
  local: {
    service: { type: "NodePort", externalTrafficPolicy: "Local", nodePort: 30080, sessionAffinity: "ClientIP" },
  },
  balancer: {
    profile: "nlb",
    service: {
      type: "LoadBalancer",
      loadBalancerClass: "service.k8s.aws/nlb",
      loadBalancerSourceRanges: ["10.0.0.0/8"],
      annotations: { a: "b" },
      appProtocol: "kubernetes.io/ws",
    },
    readinessGates: ["example.com/registered"],
  },
  lmdb: {
    replicaCount: 1,
    strategy: { type: "Recreate" },
    valkey: { enabled: false },
    journal: { url: "lmdb:/data", persistence: { storageClassName: "" } },
  },
  memory: { replicaCount: 1, strategy: { type: "Recreate" }, valkey: { enabled: false }, journal: { url: "memory:" } },
  external: { valkey: { enabled: false }, journal: { existingSecret: "redis" }, networkPolicy: { enabled: false } },
  "valkey with all": {
    valkey: {
      auth: { existingSecret: "valkey" },
      persistence: { enabled: false },
      extraArgs: ["--maxmemory", "512mb"],
      image: { digest: `sha256:${"0".repeat(64)}` },
      tolerations: [{ key: "a", operator: "Exists" }],
    },
  },
  edges: {
    ingress: {
      enabled: true,
      className: "nginx",
      hosts: [{ host: "a.example", paths: [{ path: "/ws", pathType: "Exact" }] }, { host: "b.example" }],
      tls: [{ secretName: "tls", hosts: ["a.example"] }],
    },
    httpRoute: { enabled: true, parentRefs: [{ name: "gateway", namespace: "infra" }], hostnames: ["a.example"] },
    kong: { enabled: true, hashOnCookie: "lastcall" },
    gke: { gateway: true, ingress: true },
  },
  watched: {
    monitor: { enabled: true, labels: { release: "prometheus" } },
    rules: { enabled: true, labels: { release: "prometheus" }, alertLabels: { team: "a" } },
    dashboard: { enabled: true, annotations: { grafana_folder: "Streams" } },
  },
  "watched by its Service": {
    adminPort: 9090,
    tls: { secretName: "tls" },
    monitor: {
      enabled: true,
      kind: "ServiceMonitor",
      interval: "30s",
      scrapeTimeout: "10s",
      annotations: { a: "b" },
      podTargetLabels: ["pod-template-hash"],
      relabelings: [{ sourceLabels: ["__meta_kubernetes_pod_node_name"], targetLabel: "node" }],
      metricRelabelings: [{ sourceLabels: ["__name__"], regex: "nodejs_.*", action: "drop" }],
    },
    rules: {
      enabled: true,
      selector: 'job="lastcall"',
      runbookUrl: "",
      annotations: { a: "b" },
      alerts: { LastcallSlowSessions: { enabled: false } },
    },
  },
  everything: {
    fullnameOverride: "mine",
    commonLabels: { team: "a" },
    config: { LOG_LEVEL: "debug", MAX_PINNED_BYTES: 67108864, TEXT_PUBLISH: true, HEARTBEAT_SECONDS: 0.5 },
    autoscaling: {
      enabled: true,
      metrics: [
        {
          type: "Pods",
          pods: { metric: { name: "lastcall_sockets" }, target: { type: "AverageValue", averageValue: "1000" } },
        },
      ],
    },
    adminPort: 9090,
    tls: { secretName: "tls" },
    client: { enabled: true, protocol: "lastcall.v1" },
    networkPolicy: {
      from: [{ podSelector: { matchLabels: { a: "b" } } }],
      adminFrom: [{ namespaceSelector: { matchLabels: { name: "monitoring" } } }],
      egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8" } }] }],
    },
    imagePullSecrets: [{ name: "pull" }],
    image: { digest: `sha256:${"1".repeat(64)}` },
    podDisruptionBudget: { maxUnavailable: null, minAvailable: 1 },
    priorityClassName: "high",
    nodeSelector: { "kubernetes.io/os": "linux" },
    tolerations: [{ key: "a", operator: "Exists" }],
    affinity: { nodeAffinity: {} },
    deploymentAnnotations: { a: "b" },
    podAnnotations: { a: "b" },
    podLabels: { a: "b" },
    serviceAccount: { annotations: { a: "b" } },
    extraEnv: [{ name: "A", value: "b" }],
    extraEnvFrom: [{ secretRef: { name: "more" } }],
    extraVolumes: [{ name: "more", emptyDir: {} }],
    extraVolumeMounts: [{ name: "more", mountPath: "/more" }],
    extraContainers: [{ name: "side", image: "side:1" }],
    extraObjects: [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "{{ .Release.Name }}-map" }, data: { a: "b" } },
      "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: '{{ .Release.Name }}-text' }\n",
    ],
  },
};
