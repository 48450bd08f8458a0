import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Ajv } from "ajv";
import { readSettings } from "../../src/service/env.js";
import { GROUPS, SUMMED, VARIABLES } from "../../src/service/settings.js";
import { at, CHART, envOf, NO_HELM, one, template } from "../support/helm.js";

const schema: unknown = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8"));

/** What the chart sets itself, from values of other names. */
const OWNED = new Set([
  ...SUMMED.map(({ variable }) => variable),
  ...["ENDPOINT_REMOVAL_SECONDS", "PORT", "ADMIN_PORT", "TLS_CERT_FILE", "TLS_KEY_FILE", "JOURNAL_URL", "POD_NAME"],
]);

describe("the chart's `config`", () => {
  const known: Readonly<Record<string, unknown>> = { ...(at(schema, "properties", "config", "properties") ?? {}) };

  it("takes every setting that the chart does not set itself, and no other", () => {
    assert.deepEqual([...Object.keys(known), ...OWNED].sort(), [...VARIABLES].sort());
  });

  it("has the settings' own bounds and texts", () => {
    for (const { variable, form, text } of GROUPS.flatMap(({ settings }) => settings)) {
      const entry = known[variable];
      if (entry === undefined) continue;
      assert.equal(at(entry, "description"), text);
      const bounds = /from ([\d.]+) to ([\d.]+)$/.exec(form);
      const { minimum, maximum } = { minimum: at(entry, "minimum"), maximum: at(entry, "maximum") };
      if (bounds && minimum !== undefined) assert.deepEqual([minimum, maximum], bounds.slice(1).map(Number), variable);
      else assert.ok(/^(true|one of|an? |up to|random|a file)/.test(form), `${variable}: ${form}`);
    }
  });

  it("is a schema that stands", () => {
    assert.ok(typeof schema === "object" && schema !== null);
    const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true });
    ajv.compile(schema);
  });
});

describe("the chart's environment", { skip: NO_HELM }, () => {
  it("has only names that the service reads, and values that it accepts", async () => {
    const objects = await template({ adminPort: 9090, tls: { secretName: "tls" } });
    const env = envOf(at(one(objects, "Deployment"), "spec", "template", "spec", "containers", 0));
    for (const name of Object.keys(env)) assert.ok(VARIABLES.includes(name), name);
    const { POD_NAME, TLS_CERT_FILE, TLS_KEY_FILE, ...rest } = env;
    assert.deepEqual([TLS_CERT_FILE, TLS_KEY_FILE], ["/tls/tls.crt", "/tls/tls.key"]);
    assert.deepEqual(POD_NAME, { fieldRef: { fieldPath: "metadata.name" } });
    const texts = Object.entries(rest).map(([name, value]) => [name, String(value)]);
    readSettings(Object.fromEntries(texts));
  });
});
