import assert from "node:assert/strict";
import { at, type Manifest, one } from "../support/helm.js";

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

/** As much of Grafana's dashboard JSON as the tests look at. */
export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

export function dashboardOf(objects: readonly Manifest[]): Dashboard {
  const json = at(one(objects, "ConfigMap", "rel-lastcall-dashboard"), "data", "lastcall.json");
  assert.equal(typeof json, "string");
  return JSON.parse(String(json));
}

/** Everything that the dashboard asks of Prometheus, by the title under which it stands. */
export function queriesOf({ panels, annotations }: Dashboard): { title: string; expr: string }[] {
  const asked = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
  return [...asked, ...annotations.list.map(({ name, expr }) => ({ title: name, expr }))];
}
