import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { at, type Manifest } from "./helm.js";

/** Kubernetes' own schemas of one version, in which a field that there is none of is a fault. */
export interface Schemas {
  /** Faults of an object; undefined for a kind that is not Kubernetes' own. */
  faultsOf(object: Manifest): readonly string[] | undefined;
}

export function kubernetesSchemas(version: string): Schemas {
  const folder = process.env["KUBERNETES_SCHEMAS"];
  assert.ok(folder, "run the tests with `npm test`, which fetches the schemas");
  const definitions: Manifest = JSON.parse(readFileSync(join(folder, `${version}.json`), "utf8"));
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(definitions);
  const known = new Map<string, string>();
  for (const [name, definition] of Object.entries(at(definitions, "$defs") ?? {})) {
    const kinds = at(definition, "x-kubernetes-group-version-kind");
    if (!Array.isArray(kinds)) continue;
    for (const kind of kinds) known.set(keyOf(at(kind, "group"), at(kind, "version"), at(kind, "kind")), name);
  }
  const compiled = new Map<string, ValidateFunction>();
  return {
    faultsOf(object) {
      const apiVersion = String(object["apiVersion"]);
      const [group, api] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
      const name = known.get(keyOf(group, api, object["kind"]));
      if (name === undefined) return undefined;
      const validate = compiled.get(name) ?? ajv.compile({ $ref: `${definitions["$id"]}#/$defs/${name}` });
      compiled.set(name, validate);
      validate(object);
      return (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
      );
    },
  };
}

function keyOf(group: unknown, version: unknown, kind: unknown): string {
  return `${group}/${version}/${kind}`;
}
