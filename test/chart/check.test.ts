import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at, envOf, NO_HELM, one, template, type Values } from "../support/helm.js";
import { Program, Service } from "../support/service.js";

// Behind a flag in Node 20, and the image has a newer one.
const WEBSOCKET = typeof WebSocket === "undefined" ? ["--experimental-websocket"] : [];

describe("helm test", { skip: NO_HELM }, () => {
  async function rendered(values: Values) {
    const objects = await template(values);
    const container = at(one(objects, "Deployment", "rel-lastcall"), "spec", "template", "spec", "containers", 0);
    const check = at(one(objects, "Pod"), "spec", "containers", 0);
    assert.deepEqual(at(check, "command"), ["node", "--input-type=module", "--eval"]);
    return { env: envOf(container), script: String(at(check, "args", 0)), budget: String(envOf(check)["BUDGET"]) };
  }

  it("passes when the pod has the rendered budget, and not when one number differs", async (t) => {
    const { env, script, budget } = await rendered({ shutdown: { staggerSeconds: 7 } });
    const times = Object.entries(env).filter(([name]) => /_SECONDS$|_TIMEOUT$/.test(name));
    const service = await Service.start(t, Object.fromEntries(times.map(([name, value]) => [name, String(value)])));
    const url = service.url.origin.replace("ws", "http");
    const run = (expected: string) => {
      const args = [...WEBSOCKET, "--input-type=module", "--eval", script];
      return new Program(t, [process.execPath, ...args], { SERVICE_URL: url, PROBE_URL: url, BUDGET: expected });
    };

    const passed = run(budget);
    assert.deepEqual(await passed.exit, { code: 0, signal: null }, passed.stderr);
    assert.match(passed.lines.join("\n"), /hello from pod-under-test/);

    const failed = run(budget.replace('"stagger":7', '"stagger":8'));
    assert.equal((await failed.exit).code, 1);
    assert.match(failed.stderr, /the chart's budget has {"stagger":8}/);
  });
});
