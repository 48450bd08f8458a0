import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { settingsTable } from "../../src/service/help.js";

const BEGIN = "<!-- settings -->";
const END = "<!-- /settings -->";

/** The README with `table` between its markers. */
function withTable(readme: string, table: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  assert.ok(begin >= 0 && end > begin, `the README needs the lines ${BEGIN} and ${END}, in this order`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${readme.slice(end)}`;
}

function assertHolds(readme: string, table: string): void {
  const advice = "the README's settings are not those of the code; run the tests with UPDATE_README=1 to rewrite them";
  // Lines, so that the report shows the rows that differ.
  const [held, wanted] = [readme, withTable(readme, table)].map((text) => text.split("\n"));
  assert.deepEqual(held, wanted, advice);
}

/** The folder of package.json: the tests run compiled, from a folder below it. */
function packageRoot(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  assert.notEqual(folder, dirname(folder), "no package.json above the tests");
  return packageRoot(dirname(folder));
}

describe("the README's settings table", () => {
  const table = settingsTable();

  it("is the one the code is built from", () => {
    const file = join(packageRoot(import.meta.dirname), "README.md");
    const { UPDATE_README } = process.env;
    if (UPDATE_README === "1") writeFileSync(file, withTable(readFileSync(file, "utf8"), table));
    assertHolds(readFileSync(file, "utf8"), table);
  });

  it("is told apart from one that differs in a single default", () => {
    const readme = withTable(`# A\n${BEGIN}\n${END}\n# B\n`, table);
    assertHolds(readme, table);
    assert.throws(() => assertHolds(readme.replace("`8080`", "`8081`"), table), /UPDATE_README=1/);
    assert.throws(() => assertHolds(`# A\n${table}\n`, table), /needs the lines/);
  });
});
