import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at, HELMS, NO_HELM, one, template } from "../support/helm.js";
import { dashboardOf, type Panel, queriesOf } from "./dashboards.js";

const ON = { dashboard: { enabled: true } };

const overlap = (a: Panel["gridPos"], b: Panel["gridPos"]) =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

describe("the chart's dashboard", { skip: NO_HELM }, () => {
  it("is a ConfigMap that Grafana's sidecar finds", async () => {
    const labels = async (dashboard: Record<string, unknown>) =>
      at(one(await template({ dashboard }), "ConfigMap", "rel-lastcall-dashboard"), "metadata", "labels");
    assert.equal(at(await labels({ enabled: true }), "grafana_dashboard"), "1");
    const other = await labels({ enabled: true, labels: { grafana_dashboard: null, board: "yes" } });
    assert.deepEqual([at(other, "grafana_dashboard"), at(other, "board")], [undefined, "yes"]);
    const inFolder = await template({ dashboard: { enabled: true, annotations: { grafana_folder: "Streams" } } });
    const annotations = at(one(inFolder, "ConfigMap", "rel-lastcall-dashboard"), "metadata", "annotations");
    assert.deepEqual(annotations, { grafana_folder: "Streams" });
    assert.ok(!(await template()).some((object) => object["kind"] === "ConfigMap"));
  });

  it("has a place of its own for each panel, within 24 columns", async () => {
    const { panels } = dashboardOf(await template(ON));
    for (const [i, panel] of panels.entries()) {
      const { x, y, w, h } = panel.gridPos;
      assert.ok(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24, panel.title);
      for (const other of panels.slice(i + 1)) {
        assert.ok(!overlap(panel.gridPos, other.gridPos), `${panel.title} and ${other.title}`);
      }
    }
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    assert.ok(panels.length > 30);
  });

  it("has in each panel a title of its own and queries of the source and the pods that are chosen", async () => {
    const dashboard = dashboardOf(await template(ON));
    const shown = dashboard.panels.filter(({ type }) => type !== "row");
    assert.equal(new Set(shown.map(({ title }) => title)).size, shown.length);
    for (const { title, type, targets = [], ...panel } of shown) {
      assert.ok(["timeseries", "stat", "bargauge"].includes(type), title);
      assert.match(String(at(panel, "datasource", "uid")), /^\$\{datasource\}$/, title);
      assert.ok(at(panel, "fieldConfig", "defaults", "unit"), title);
      assert.deepEqual(
        targets.map(({ refId }) => refId),
        ["A", "B", "C"].slice(0, targets.length),
      );
      assert.notEqual(targets.length, 0, title);
    }
    const chosen = 'namespace=~"$namespace", job=~"$job", pod=~"$pod"';
    for (const { title, expr } of queriesOf(dashboard)) {
      assert.doesNotMatch(expr, /\$selector/, title);
      for (const [selector] of expr.matchAll(/\{[^}]*\}/g)) assert.ok(selector.includes(chosen), `${title}: ${expr}`);
    }
    const variables = dashboard.templating.list.map(({ name, type }) => [name, type]);
    assert.deepEqual(variables, [
      ["datasource", "datasource"],
      ["namespace", "query"],
      ["job", "query"],
      ["pod", "query"],
    ]);
    assert.equal(dashboard.schemaVersion, 39);
  });

  it("is the same whichever Helm made it", async () => {
    const [three, four] = HELMS;
    assert.ok(three && four);
    assert.deepEqual(dashboardOf(await template(ON, { helm: three })), dashboardOf(await template(ON, { helm: four })));
  });
});
