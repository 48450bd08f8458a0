import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { start } from "../service/service.js";

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>>;
}

interface Schema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

async function document(t: TestContext): Promise<Document> {
  const { url } = await start(t);
  const response = await fetch(`${url}/openapi.json`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  return (await response.json()) as Document;
}

const operations = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );

describe("/openapi.json", () => {
  test("is an OpenAPI 3.1 document", async (t) => {
    const it = await document(t);
    const { valid, errors } = await new Validator().validate({ ...it });
    assert.equal(valid, true, JSON.stringify(errors));
    assert.match(it.openapi, /^3\.1\./);
    assert.deepEqual([it.info.title, it.info.version], ["lastcall", "1.2.3"]);
  });

  test("lists every route, each with what it does", async (t) => {
    const listed = operations(await document(t));
    assert.deepEqual(listed.map(({ name }) => name).sort(), [
      "GET /events",
      "GET /health",
      "GET /items",
      "GET /metrics",
      "GET /ready",
      "GET /slow",
      "GET /ws",
      "POST /items",
    ]);
    for (const { name, operation } of listed) assert.ok((operation.summary ?? "").length > 5, name);
  });

  test("every route but the probes says how it refuses: a code and a message", async (t) => {
    for (const { name, operation } of operations(await document(t))) {
      if (/health|ready|metrics/.test(name)) continue;
      for (const status of ["4XX", "5XX"]) {
        const schema = operation.responses[status]?.content?.["application/json"]?.schema;
        assert.deepEqual(Object.keys(schema?.properties ?? {}).sort(), ["code", "message"], `${name} ${status}`);
        assert.deepEqual([...(schema?.required ?? [])].sort(), ["code", "message"], `${name} ${status}`);
      }
    }
  });

  test("says what can be given, and what comes back", async (t) => {
    const { paths } = await document(t);
    const parameters = (path: string, method: string) =>
      (paths[path]?.[method]?.parameters ?? []).map(({ name, in: place }) => `${place} ${name}`).sort();
    assert.deepEqual(parameters("/items", "get"), ["query after", "query limit", "query stream"]);
    assert.deepEqual(parameters("/items", "post"), ["header idempotency-key", "query stream"]);
    assert.deepEqual(parameters("/ws", "get"), ["query after", "query stream"]);
    assert.deepEqual(parameters("/slow", "get"), ["query seconds"]);
    assert.ok(paths["/items"]?.["post"]?.requestBody?.content["application/json"] !== undefined);
    const statuses = (path: string, method: string) => Object.keys(paths[path]?.[method]?.responses ?? {}).sort();
    assert.deepEqual(statuses("/items", "post"), ["200", "201", "4XX", "5XX"]);
    assert.deepEqual(statuses("/items", "get"), ["200", "4XX", "5XX"]);
    assert.deepEqual(statuses("/ready", "get"), ["200", "503"]);
    assert.deepEqual(statuses("/health", "get"), ["200", "503"]);
    assert.deepEqual(statuses("/metrics", "get"), ["200"]);
  });
});
