import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Cluster, NO_CLUSTER, type Verdict } from "./cluster.js";

const SERVERS = "app.kubernetes.io/instance=lastcall,app.kubernetes.io/component=server";
const DEPLOYMENT = "deployment/lastcall";
const STATUS = `kubectl rollout status ${DEPLOYMENT} --timeout 4m`;
const VALUES = ["replicaCount=3", "shutdown.staggerSeconds=3", "valkey.persistence.size=1Gi"];

test("a release on a real cluster", { skip: NO_CLUSTER, timeout: 1_500_000 }, async (t) => {
  const cluster = await Cluster.start(t, VALUES);

  const passes = ({ exitCode, report, output }: Verdict) => {
    assert.equal(exitCode, 0, output);
    assert.ok(report.findings.rolled > 0, output);
  };
  const step = (name: string, run: (t: TestContext) => Promise<void>) => t.test(name, run);

  await step("helm test finds the settings of the pods as they were rendered", async () => {
    await cluster.helm("test", "lastcall");
  });

  await step("rollout restart: nothing lost, no request failed; /ready answers all the while", async (t) => {
    const ready = poll(`${cluster.url}/ready`);
    passes(await cluster.rehearse(t, `kubectl rollout restart ${DEPLOYMENT} && ${STATUS}`));
    const answers = await ready.stop();
    t.diagnostic(`/ready: ${JSON.stringify(answers)}`);
    assert.deepEqual(Object.keys(answers), ["200"]);
  });

  await step("rollout undo", async (t) => {
    passes(await cluster.rehearse(t, `kubectl rollout undo ${DEPLOYMENT} && ${STATUS}`));
  });

  await step("scaled down and up", async (t) => {
    const scale = (replicas: number) => `kubectl scale ${DEPLOYMENT} --replicas ${replicas} && ${STATUS}`;
    // Who stood on the one that stays is not replaced: judged by hand.
    const { report, output } = await cluster.rehearse(t, `${scale(1)} && ${scale(3)}`, "--settle", "20s");
    assert.match(output, /0 lost · 0 repeated · 0 out of order · 0 of \d+ requests failed/);
    assert.ok(report.findings.rolled > 0, output);
  });

  await step("a node is drained", async (t) => {
    const on = (selector: string) =>
      cluster.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].spec.nodeName}");
    // Not the one that the journal is on: there would be none to publish to.
    const journal = await on("app.kubernetes.io/instance=lastcall,app.kubernetes.io/component=journal");
    const node = (await on(SERVERS)).split(" ").find((name) => name !== journal);
    assert.ok(node !== undefined, "all are on the journal's node");
    t.after(() => cluster.kubectl("uncordon", node));
    const drain = `kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data --timeout 4m && ${STATUS}`;
    const { report, output } = await cluster.rehearse(t, drain, "--settle", "20s");
    assert.match(output, /0 lost · 0 repeated · 0 out of order · 0 of \d+ requests failed/);
    assert.ok(report.findings.rolled > 0, output);
  });

  await step("externalTrafficPolicy Local", async (t) => {
    await cluster.upgrade([...VALUES, "service.externalTrafficPolicy=Local"]);
    passes(await cluster.rehearse(t, `kubectl rollout restart ${DEPLOYMENT} && ${STATUS}`));
    await cluster.upgrade(VALUES);
  });

  await step("a pod is killed: items are judged, requests reported", async (t) => {
    const kill = `kubectl delete $(kubectl get pods -l ${SERVERS} -o name | head -1) --grace-period 0 --force`;
    const verdict = await cluster.rehearse(t, `${kill} && ${STATUS}`, "--judge", "items", "--settle", "20s");
    assert.match(verdict.output, /0 lost · 0 repeated · 0 out of order/);
  });

  await step("the journal is killed: items are judged, requests reported", async (t) => {
    const selector = "app.kubernetes.io/instance=lastcall,app.kubernetes.io/component=journal";
    const kill = `kubectl delete pod -l ${selector} --grace-period 0 --force`;
    const back = `kubectl rollout status statefulset/lastcall-valkey --timeout 4m`;
    const verdict = await cluster.rehearse(t, `${kill} && ${back}`, "--judge", "items", "--settle", "20s");
    assert.match(verdict.output, /0 lost · 0 repeated · 0 out of order/);
  });
});

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
      await new Promise((resolve) => setTimeout(resolve, 50));
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
