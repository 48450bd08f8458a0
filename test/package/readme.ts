import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A README with `table` between the markers of that name: `<!-- name -->` and `<!-- /name -->`. */
export function withTable(readme: string, name: string, table: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const begin = readme.indexOf(open);
  const end = readme.indexOf(close);
  assert.ok(begin >= 0 && end > begin, `the README needs the lines ${open} and ${close}, in this order`);
  return `${readme.slice(0, begin + open.length)}\n\n${table}\n\n${readme.slice(end)}`;
}

export function assertHolds(readme: string, name: string, table: string): void {
  const advice = `the README's ${name} are not those of the code; run the tests with UPDATE_README=1 to rewrite them`;
  // Lines, so that the report shows the rows that differ.
  const [held, wanted] = [readme, withTable(readme, name, table)].map((text) => text.split("\n"));
  assert.deepEqual(held, wanted, advice);
}

/** The project's README holds this table; with UPDATE_README=1 it is made to. */
export function assertReadme(name: string, table: string): void {
  const file = join(packageRoot(import.meta.dirname), "README.md");
  const { UPDATE_README } = process.env;
  if (UPDATE_README === "1") writeFileSync(file, withTable(readFileSync(file, "utf8"), name, table));
  assertHolds(readFileSync(file, "utf8"), name, table);
}

/** The folder of package.json: the tests run compiled, from a folder below it. */
function packageRoot(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  assert.notEqual(folder, dirname(folder), "no package.json above the tests");
  return packageRoot(dirname(folder));
}
