import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settingsHelp, settingsTable } from "../../src/service/help.js";
import { SETTINGS, VARIABLES } from "../../src/service/settings.js";

describe("settingsHelp", () => {
  const lines = settingsHelp().split("\n");

  it("lists every variable once, with what it does and its default", () => {
    const starts = lines.flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? []);
    assert.deepEqual([...starts].sort(), [...VARIABLES].sort());
    const unwrapped = settingsHelp().replace(/\n {3,}/g, " ");
    for (const { variable, text, shown } of Object.values(SETTINGS)) {
      const line = unwrapped.split("\n").find((one) => one.startsWith(`  ${variable} `)) ?? "";
      assert.ok(line.includes(text) && line.endsWith(`; default ${shown})`), `${variable}: ${line}`);
    }
  });

  it("fits 100 columns, without a space at a line's end", () => {
    for (const line of lines) assert.ok(line.length <= 100 && line === line.trimEnd(), line);
  });

  it("stands in columns", () => {
    const entries = lines.filter((line) => line.startsWith("  "));
    const columns = new Set(entries.map((line) => /^ {2}\S+ {2,}|^ {3,}/.exec(line)?.[0].length));
    assert.equal(columns.size, 1);
  });
});

describe("settingsTable", () => {
  it("has a row of four cells for every variable", () => {
    const rows = settingsTable().split("\n");
    for (const row of rows) assert.equal(row.split("|").length, 6, row);
    for (const { variable, shown } of Object.values(SETTINGS)) {
      const own = rows.filter((row) => row.startsWith(`| \`${variable}\` |`));
      assert.equal(own.length, 1, variable);
      assert.ok(own[0]?.includes(shown), variable);
    }
  });
});
