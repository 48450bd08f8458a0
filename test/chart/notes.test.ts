import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { at, CHART, type Manifest, NO_HELM, nameOf, one, template, type Values } from "../support/helm.js";

/** What `helm install` prints. */
async function notes(values: Values = {}): Promise<string> {
  const text = '{{ include (print $.Template.BasePath "/NOTES.txt") . | quote }}';
  const map = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: notes }\ndata: { notes: ${text} }`;
  return String(at(one(await template({ ...values, extraObjects: [map] }), "ConfigMap", "notes"), "data", "notes"));
}

describe("the notes", { skip: NO_HELM }, () => {
  it("tell the plan, what the removal time is made of, and the fleet's reconnects per second", async () => {
    const text = await notes({ replicaCount: 4, shutdown: { staggerSeconds: 3, connectionsPerPod: 1000 } });
    assert.match(text, /sum +48 s/);
    assert.match(text, /removed in 5 s, at most 15 s; profile in-cluster \(kube-proxy alone\) counts\n +1 s .+ https:/);
    assert.match(text, /4 pods x 1000 clients over 3 s are 1334 reconnects per second/);
  });

  it("tell what would be lost", async () => {
    assert.match(await notes({ valkey: { persistence: { enabled: false } } }), /WARNING: valkey.persistence.enabled/);
    const open = { networkPolicy: { enabled: false } };
    assert.match(await notes(open), /WARNING: Valkey has no password and no NetworkPolicy/);
    assert.doesNotMatch(await notes({ ...open, valkey: { auth: { existingSecret: "valkey" } } }), /WARNING/);
    assert.doesNotMatch(
      await notes({ ...open, valkey: { enabled: false }, journal: { existingSecret: "redis" } }),
      /WARNING/,
    );
    assert.match(await notes({ shutdown: { staggerSeconds: 0 } }), /2000 reconnects at once/);
    assert.match(await notes({ profile: "alb-ip" }), /pod-readiness-gate-inject=enabled/);
  });

  it("warn where figures of drains may be lost", async () => {
    const monitor = { enabled: true };
    assert.match(await notes({ monitor, profile: "spot" }), /WARNING: the linger \(0 s\) is shorter than a scrape/);
    assert.match(await notes({ monitor, shutdown: { lingerSeconds: 14 } }), /WARNING: the linger \(14 s\)/);
    assert.doesNotMatch(await notes({ monitor }), /WARNING/);
  });

  it("warn where the alerts would look for series that nobody labels so", async () => {
    const rules = { enabled: true };
    assert.match(await notes({ rules }), /WARNING: rules.enabled is true and monitor.enabled is not/);
    assert.doesNotMatch(await notes({ rules, monitor: rules }), /WARNING/);
    assert.doesNotMatch(await notes({ rules: { ...rules, selector: 'job="lastcall"' } }), /WARNING/);
  });

  it("warn where the removal time is that of another way in, and not where it was given", async () => {
    const local = { service: { type: "LoadBalancer", externalTrafficPolicy: "Local" } };
    const warned: readonly (readonly [Values, RegExp])[] = [
      [
        local,
        /WARNING: service.externalTrafficPolicy is Local, but the removal time of 5 s is that of profile in-cluster/,
      ],
      [{ kong: { enabled: true } }, /WARNING: kong.enabled is true, .+ profile in-cluster: profile kong has its own/],
      [{ gke: { gateway: true } }, /WARNING: gke.gateway is true, .+ profile gke-neg has its own/],
    ];
    const shutdown = { preStopSeconds: 30, endpointRemovalSeconds: 30, endpointRemovalMaxSeconds: 30 };
    for (const [values, warning] of warned) {
      assert.match(await notes(values), warning);
      assert.doesNotMatch(await notes({ ...values, shutdown }), /WARNING/);
    }
    assert.match(
      await notes({ service: { ...local.service, type: "NodePort" } }),
      /WARNING: service.externalTrafficPolicy/,
    );
    assert.doesNotMatch(await notes({ ...local, profile: "nlb" }), /WARNING/);
    assert.doesNotMatch(await notes({ profile: "kong", kong: { enabled: true } }), /WARNING/);
    assert.doesNotMatch(await notes(), /WARNING/);
  });
});

describe("the operators' commands", { skip: NO_HELM }, () => {
  const DUTIES = ["get pods", "logs -l", "rollout restart", "rollout undo", "delete pod", "drain", "graceful_shutdown"];

  /** Lines that run kubectl, whose release is called as the tests call theirs. */
  const commandsOf = (text: string) =>
    text.split("\n").flatMap((line) => {
      const [command] = /kubectl .*/.exec(line) ?? [];
      return command === undefined || line.startsWith("|") ? [] : [command.replaceAll("stream", "rel")];
    });
  const readme = (...path: readonly string[]) => commandsOf(readFileSync(join(CHART, ...path), "utf8"));

  function check(commands: readonly string[], objects: readonly Manifest[]) {
    const pods = objects.flatMap((object) => {
      const labels = at(object, "spec", "template", "metadata", "labels");
      return labels === undefined ? [] : [{ of: `${object["kind"]} ${nameOf(object)}`, labels }];
    });
    for (const command of commands) {
      for (const [, selector = ""] of command.matchAll(/ (?:get pods|logs) .*?-l (\S+)/g)) {
        const wanted = selector.split(",").map((pair) => pair.split("="));
        const found = pods.filter(({ labels }) => wanted.every(([key = "", value]) => at(labels, key) === value));
        assert.deepEqual(
          found.map(({ of }) => of),
          ["Deployment rel-lastcall"],
          command,
        );
        // Without it kubectl follows five pods, and refuses more: a rollout has twice the replicas.
        if (/ logs .* -f/.test(command)) assert.match(command, /--max-log-requests=\d\d/);
      }
      for (const [, kind = "", name] of command.matchAll(/ (deployment|statefulset|service)\/(\S+)/g)) {
        const named = objects.filter((object) => nameOf(object) === name);
        assert.ok(named.map((object) => String(object["kind"]).toLowerCase()).includes(kind), command);
      }
      for (const [, name] of command.matchAll(/@\.name=="(\w+)"/g)) {
        const containers = at(one(objects, "Deployment", "rel-lastcall"), "spec", "template", "spec", "containers");
        assert.ok(Array.isArray(containers) && containers.some((container) => at(container, "name") === name), command);
      }
    }
  }

  it("of the notes name what is there, in the release's namespace", async () => {
    const values = { client: { enabled: true } };
    const commands = commandsOf(await notes(values));
    check(commands, await template(values));
    for (const duty of DUTIES)
      assert.ok(
        commands.some((command) => command.includes(duty)),
        duty,
      );
    const elsewhere = commands.filter((command) => !/^kubectl (-n ns|drain) /.test(command));
    assert.deepEqual(elsewhere, []);
  });

  it("of the READMEs too", async () => {
    const objects = await template({ client: { enabled: true } });
    const commands = readme("README.md");
    check([...commands, ...readme("../README.md")], objects);
    for (const duty of DUTIES)
      assert.ok(
        commands.some((command) => command.includes(duty)),
        duty,
      );
  });

  it("would be told apart from ones that name something else", async () => {
    const objects = await template({});
    for (const command of [
      "kubectl logs -l app.kubernetes.io/instance=rel",
      "kubectl logs -l app.kubernetes.io/instance=rel,app.kubernetes.io/component=server -f",
      "kubectl rollout restart deployment/rel",
    ]) {
      assert.throws(() => check([command], objects), assert.AssertionError, command);
    }
  });
});
