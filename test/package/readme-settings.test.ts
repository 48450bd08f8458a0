import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settingsTable } from "../../src/service/help.js";
import { assertHolds, assertReadme, withTable } from "./readme.js";

describe("the README's settings table", () => {
  const table = settingsTable();

  it("is the one the code is built from", () => {
    assertReadme("settings", table);
  });

  it("is told apart from one that differs in a single default", () => {
    const readme = withTable("# A\n<!-- settings -->\n<!-- /settings -->\n# B\n", "settings", table);
    assertHolds(readme, "settings", table);
    assert.throws(() => assertHolds(readme.replace("`8080`", "`8081`"), "settings", table), /UPDATE_README=1/);
    assert.throws(() => assertHolds(`# A\n${table}\n`, "settings", table), /needs the lines/);
  });
});
