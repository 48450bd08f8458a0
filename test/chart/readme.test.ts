import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { at, CHART } from "../support/helm.js";

/** A row for each value of values.yaml: its path, its default, and the comment (`# -- …`) above it. */
function valuesTable(text: string): string {
  const rows = ["| Value | Default | What it does |", "|---|---|---|"];
  const path: { readonly indent: number; readonly key: string }[] = [];
  let comment = "";
  for (const line of text.split("\n")) {
    const said = /^\s*# -- (.*)$/.exec(line)?.[1];
    const [, space = "", key, value = ""] = /^(\s*)(\w+):\s*(.*)$/.exec(line) ?? [];
    if (said !== undefined) comment = said;
    if (key === undefined) continue;
    while ((path.at(-1)?.indent ?? -1) >= space.length) path.pop();
    path.push({ indent: space.length, key });
    const name = path.map((step) => step.key).join(".");
    if (value !== "" || comment !== "") rows.push(`| \`${name}\` | ${value && `\`${value}\``} | ${comment} |`);
    comment = "";
  }
  return rows.join("\n");
}

function profilesTable(text: string): string {
  const rows = ["| Profile | for | P | W | Wmax | grace period | what W is made of |", "|---|---|--:|--:|--:|--:|---|"];
  const profiles: Readonly<Record<string, unknown>> = parse(text);
  for (const [name, profile] of Object.entries(profiles)) {
    const number = (part: string) => Number(at(profile, "shutdown", part));
    const [p, w, max] = [
      number("preStopSeconds"),
      number("endpointRemovalSeconds"),
      number("endpointRemovalMaxSeconds"),
    ];
    const phases = ["finish", "stagger", "close", "requests", "release", "linger", "margin"];
    const grace = phases.reduce((sum, part) => sum + number(`${part}Seconds`), p + Math.max(0, max - p));
    const removal = at(profile, "removal");
    assert.ok(Array.isArray(removal));
    const limit = at(profile, "graceLimit");
    const parts = [...removal.map(partOf), ...(limit === undefined ? [] : [`at most: ${partOf(limit)}`])];
    rows.push(`| \`${name}\` | ${at(profile, "for")} | ${p} | ${w} | ${max} | ${grace} s | ${parts.join("; ")} |`);
  }
  return rows.join("\n");
}

function partOf(part: unknown): string {
  const [what, source] = [at(part, "what"), at(part, "source")];
  return `${at(part, "seconds")} s ${source === undefined ? what : `[${what}](${source})`}`;
}

/** The README with this table between `<!-- name -->` and `<!-- /name -->`. */
function withTable(readme: string, name: string, table: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  assert.ok(from >= 0 && to > from, `the chart's README needs the lines ${begin} and ${end}, in this order`);
  return `${readme.slice(0, from + begin.length)}\n\n${table}\n\n${readme.slice(to)}`;
}

describe("the chart's README", () => {
  it("has the tables of its values and profiles", () => {
    const [file, values, profiles] = ["README.md", "values.yaml", "files/profiles.yaml"].map((name) =>
      join(CHART, name),
    );
    assert.ok(file && values && profiles);
    const held = readFileSync(file, "utf8");
    const valued = withTable(held, "values", valuesTable(readFileSync(values, "utf8")));
    const wanted = withTable(valued, "profiles", profilesTable(readFileSync(profiles, "utf8")));
    if (process.env["UPDATE_README"] === "1") writeFileSync(file, wanted);
    const now = readFileSync(file, "utf8").split("\n");
    assert.deepEqual(now, wanted.split("\n"), "run the tests with UPDATE_README=1 to rewrite its tables");
  });

  it("would show a changed default and a changed text", () => {
    const table = valuesTable("# -- What it is\na:\n  # -- Deep\n  b: 1\n  c: {}\nd: x\n");
    const rows = ["| `a` |  | What it is |", "| `a.b` | `1` | Deep |", "| `a.c` | `{}` |  |", "| `d` | `x` |  |"];
    assert.deepEqual(table.split("\n").slice(2), rows);
  });
});
