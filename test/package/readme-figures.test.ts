import assert from "node:assert/strict";
import { test } from "node:test";
import { prepare } from "../server/kit.js";
import { assertReadme } from "./readme.js";

/** One row for each figure of our own, as `/metrics` tells of it. */
function figuresTable(exposition: string): string {
  const rows = exposition.split("\n\n").flatMap((metric) => {
    const [, name = "", help = ""] = /^# HELP (\S+) (.*)$/m.exec(metric) ?? [];
    if (!/^(lastcall|graceful_shutdown)_/.test(name)) return [];
    const [, kind] = /^# TYPE \S+ (.*)$/m.exec(metric) ?? [];
    const [, labels = ""] = /^[^#\s{]+\{(.*)\} /m.exec(metric) ?? [];
    const names = [...labels.matchAll(/(\w+)="/g)].flatMap(([, label]) => (label === "le" ? [] : [label]));
    return [`| \`${name}${names.length > 0 ? `{${names.join(",")}}` : ""}\` | ${kind} | ${help} |`];
  });
  return ["| Figure | Kind | What it says |", "|---|---|---|", ...rows].join("\n");
}

test("the README's figures are those of /metrics, all of them", async (t) => {
  const { app } = await prepare(t);
  const table = figuresTable((await app.inject("/metrics")).body);
  assert.ok(table.split("\n").length > 25, table);
  assertReadme("figures", table);
});
