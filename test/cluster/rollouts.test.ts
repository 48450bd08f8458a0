import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { FaultKind } from "../../src/rehearsal/findings.js";
import { Prometheus } from "../support/prometheus.js";
import { Cluster, NO_CLUSTER, type Rehearsed } from "./cluster.js";
import { alerts, discover, LINGERING, NO_DISCOVERY, PROMETHEUS, SCRAPE_SECONDS } from "./discovery.js";
import { type Ending, receiptOf } from "./endings.js";
import { failsLiveness, UNHEALTHY } from "./unhealthy.js";

const SERVERS = "app.kubernetes.io/instance=lastcall,app.kubernetes.io/component=server";
const JOURNAL = "app.kubernetes.io/instance=lastcall,app.kubernetes.io/component=journal";
const DEPLOYMENT = "deployment/lastcall";
const STATUS = `kubectl rollout status ${DEPLOYMENT} --timeout 4m`;
const RESTART = `kubectl rollout restart ${DEPLOYMENT} && ${STATUS}`;
/** Only a step that hangs comes near it. */
const STEP_MS = 600_000;
const VALUES = { replicaCount: 3, shutdown: { staggerSeconds: 3 }, valkey: { persistence: { size: "1Gi" } } };

test("a release on a real cluster", { skip: NO_CLUSTER, timeout: 1_500_000 }, async (t) => {
  const cluster = await Cluster.start(t, VALUES);
  const step = (name: string, run: (t: TestContext) => Promise<void>) => t.test(name, { timeout: STEP_MS }, run);

  await step("helm test finds the settings of the pods as they were rendered", async () => {
    await cluster.helm("test", "lastcall");
  });

  await step("rollout restart: /ready answers 200 all the while", async (t) => {
    const endings = cluster.watch(t, SERVERS);
    const ready = poll(`${cluster.url}/ready`);
    const rehearsed = await cluster.rehearse(t, RESTART);
    const answers = await ready.stop();
    t.diagnostic(`/ready: ${JSON.stringify(answers)}`);
    assert.deepEqual(Object.keys(answers), ["200"]);
    passed(rehearsed);
    drained(t, await endings.atLeast(3));
  });

  await step("rollout undo", async (t) => {
    const endings = cluster.watch(t, SERVERS);
    passed(await cluster.rehearse(t, `kubectl rollout undo ${DEPLOYMENT} && ${STATUS}`));
    drained(t, await endings.atLeast(3));
  });

  await step("the figures of a rollout's drains are in Prometheus, and no alert fires", async (t) => {
    if (NO_DISCOVERY) return t.skip(NO_DISCOVERY);
    if (!cluster.ours)
      return t.skip("NOT TESTED WITH PROMETHEUS: the pods of a cluster of yours may not be reached from here");
    await cluster.upgrade(VALUES, LINGERING);
    const prometheus = await Prometheus.start(t, [], SCRAPE_SECONDS, {
      program: PROMETHEUS,
      jobs: discover(cluster.kubeconfig),
      rules: await alerts(),
    });
    await prometheus.until(`up == 1`, 2 * VALUES.replicaCount);
    const endings = cluster.watch(t, SERVERS);
    passed(await cluster.rehearse(t, RESTART));
    drained(t, await endings.atLeast(3));
    const kept = await prometheus.query(
      `sum by (job, outcome) (max_over_time(graceful_shutdown_duration_seconds_count[10m])) > 0`,
    );
    const seen = kept.map(({ labels, value }) => `${labels["job"]}: ${value} ${labels["outcome"]}`);
    assert.deepEqual(seen.toSorted(), ["endpointslice: 3 clean", "pod: 3 clean"]);
    assert.deepEqual(await prometheus.query(`ALERTS{alertstate="firing"}`), []);
  });

  await step("externalTrafficPolicy Local", async (t) => {
    await cluster.upgrade(VALUES, { service: { externalTrafficPolicy: "Local" } });
    const endings = cluster.watch(t, SERVERS);
    passed(await cluster.rehearse(t, RESTART));
    drained(t, await endings.atLeast(3));
    await cluster.upgrade(VALUES);
  });

  await step("behind a gateway that an HTTPRoute leads through", async (t) => {
    if (!cluster.ours) return t.skip("NOT TESTED BEHIND A GATEWAY: which one a cluster of yours has is not known");
    const { url, parentRef } = await cluster.gateway();
    await cluster.upgrade(VALUES, { httpRoute: { enabled: true, parentRefs: [parentRef] } });
    const endings = cluster.watch(t, SERVERS);
    passed(await cluster.rehearse(t, RESTART, { url }));
    drained(t, await endings.atLeast(3));
  });

  await step("scaled down and up", async (t) => {
    const endings = cluster.watch(t, SERVERS);
    const scale = (replicas: number) => `kubectl scale ${DEPLOYMENT} --replicas ${replicas} && ${STATUS}`;
    faultless(await cluster.rehearse(t, `${scale(1)} && ${scale(3)}`, SOME_STAY));
    drained(t, await endings.atLeast(2));
  });

  await step("a node is drained", async (t) => {
    const endings = cluster.watch(t, SERVERS);
    const nodesOf = async (selector: string) => {
      const names = await cluster.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].spec.nodeName}");
      return names.split(" ");
    };
    // Not the one that the journal is on: there would be none to publish to.
    const [journal] = await nodesOf(JOURNAL);
    const servers = await nodesOf(SERVERS);
    const node = servers.find((name) => name !== journal);
    assert.ok(node !== undefined, "all are on the journal's node");
    t.after(() => cluster.kubectl("uncordon", node));
    const drain = `kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data --timeout 4m && ${STATUS}`;
    faultless(await cluster.rehearse(t, drain, SOME_STAY));
    drained(t, await endings.atLeast(servers.filter((name) => name === node).length));
  });

  await step("a container is restarted because its liveness probe fails", async (t) => {
    await cluster.upgrade(VALUES, UNHEALTHY);
    const endings = cluster.watch(t, SERVERS);
    const [pod = ""] = (await cluster.kubectl("get", "pods", "-l", SERVERS, "-o", "name")).split("\n");
    const restarted = `kubectl wait --for jsonpath='{.status.containerStatuses[0].restartCount}'=1 ${pod} --timeout 2m`;
    const again = `kubectl wait --for condition=Ready ${pod} --timeout 2m`;
    faultless(await cluster.rehearse(t, `${failsLiveness(pod)} && ${restarted} && ${again}`, SOME_STAY));
    drained(t, await endings.atLeast(1));
    await cluster.upgrade(VALUES);
  });

  await step("a pod is killed: items are judged, requests reported", async (t) => {
    const kill = `kubectl delete $(kubectl get pods -l ${SERVERS} -o name | head -1) --grace-period 0 --force`;
    faultless(await cluster.rehearse(t, `${kill} && ${STATUS}`, { ...SOME_STAY, judge: "items" }));
  });

  await step("the journal is killed: items are judged, requests reported", async (t) => {
    const kill = `kubectl delete pod -l ${JOURNAL} --grace-period 0 --force`;
    const back = `kubectl rollout status statefulset/lastcall-valkey --timeout 4m`;
    faultless(await cluster.rehearse(t, `${kill} && ${back}`, { ...SOME_STAY, judge: "items" }));
  });
});

/** Some pods stay, and whoever stands on them is never moved: the rehearsal would wait for that, and calls it inconclusive. */
const SOME_STAY = { settleSeconds: 20 };

function passed({ exitCode, output, findings }: Rehearsed): void {
  assert.equal(exitCode, 0, output);
  assert.ok(findings.rolled > 0, output);
}

function faultless({ output, findings }: Rehearsed): void {
  const none: Partial<Record<FaultKind, number>> = {};
  assert.deepEqual(findings.faults, none, output);
  // Everybody was given everything until the end, after the rollout.
  assert.equal(findings.withoutSentinel, 0, output);
  assert.ok(findings.publishing.acked > 0, output);
}

/** By their own receipts: clean, with nobody cut, and over before the grace period was. */
function drained(t: TestContext, endings: readonly Ending[]): void {
  for (const ending of endings) {
    assert.deepEqual([ending.exitCode, ending.reason], [0, "Completed"], ending.message);
    const { outcome, durationMs, budgetMs, clients, requests } = receiptOf(ending);
    t.diagnostic(
      `drained in ${Math.round(durationMs)} ms of ${budgetMs}: ${clients.told} told, ${clients.left} left, ${requests.finished} requests finished`,
    );
    assert.deepEqual([outcome, clients.cut, requests.cut], ["clean", 0, 0], ending.message);
  }
}

/** Asks again and again, each time on a connection of its own; gives how often which status (or error) came. */
function poll(url: string) {
  const answers: Record<string, number> = {};
  let over = false;
  const run = (async () => {
    while (!over) {
      const answer = await fetch(url, { headers: { connection: "close" } }).then(
        ({ status }) => `${status}`,
        (error: Error) => `${error.cause ?? error}`,
      );
      answers[answer] = (answers[answer] ?? 0) + 1;
      await setTimeout(50);
    }
  })();
  return {
    async stop() {
      over = true;
      await run;
      return answers;
    },
  };
}
