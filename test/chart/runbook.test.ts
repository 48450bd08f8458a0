import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { at, CHART } from "../support/helm.js";

const read = (...path: readonly string[]) => readFileSync(join(CHART, ...path), "utf8");
const runbook = read("RUNBOOK.md");
const sections = [...runbook.matchAll(/^## (.*)$/gm)].map(([, title = ""]) => title);

describe("the runbook", () => {
  it("has a section for each alert, in their order in the values, and no other", () => {
    const values: unknown = parse(read("values.yaml"));
    const alerts = Object.keys(at(values, "rules", "alerts") ?? {});
    assert.deepEqual(sections, alerts);
    const rules: readonly unknown[] = parse(read("files/alerts.yaml"));
    assert.deepEqual(rules.map((rule) => at(rule, "alert")).toSorted(), alerts.toSorted());
  });

  it("says in each what to look at, and what to do", () => {
    for (const [i, section] of runbook.split(/^## /m).slice(1).entries()) {
      assert.match(section, /```(sh|promql)\n/, sections[i]);
      assert.ok(section.length > 500, sections[i]);
    }
  });

  it("points only to what is there", () => {
    const anchors = sections.map((title) => title.toLowerCase());
    for (const [, anchor = ""] of runbook.matchAll(/\]\(#([^)]*)\)/g)) assert.ok(anchors.includes(anchor), anchor);
  });

  it("names only values that the chart has", () => {
    const schema: unknown = JSON.parse(read("values.schema.json"));
    const named = [...runbook.replaceAll("`lastcall.v1`", "").matchAll(/`([a-z]\w+(?:\.\w+)+)(?:[:`= ])/g)].map(
      ([, path = ""]) => path.split("."),
    );
    assert.ok(named.length > 20);
    for (const path of named) {
      let node: unknown = at(schema, "properties");
      for (const key of path) {
        const value = at(node, key);
        assert.ok(value !== undefined, path.join("."));
        node = at(value, "properties");
        // From here on it is Kubernetes' own.
        if (node === undefined) break;
      }
    }
  });
});
