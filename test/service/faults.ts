import assert from "node:assert/strict";
import { LastcallError } from "../../src/base/errors.js";
import { readSettings } from "../../src/service/env.js";

interface Faults {
  readonly message: string;
  readonly faults: readonly { readonly variable: string; readonly expected: string; readonly received: string }[];
}

/** What `readSettings` says about a faulty environment, having checked that message and data say the same. */
export function faultsOf(env: Record<string, string>): Faults {
  try {
    readSettings(env);
  } catch (error) {
    assert.ok(error instanceof LastcallError);
    assert.equal(error.code, "invalid_settings");
    const { faults: data } = error.detail;
    assert.ok(Array.isArray(data));
    const lines = error.message.split("\n").slice(1, 1 + data.length);
    const faults = lines.map((line) => {
      const [, variable = "", expected = "", received = ""] = /^ {2}(\w+): expected (.+), got (.+)$/.exec(line) ?? [];
      assert.notEqual(variable, "", `a line that names no variable: ${line}`);
      return { variable, expected, received };
    });
    assert.deepEqual(
      data.map(({ note: _, ...fault }) => fault),
      faults,
    );
    const notes = data.flatMap(({ note }) => note ?? []);
    assert.equal(
      error.message
        .split("\n")
        .slice(1 + data.length)
        .join("\n"),
      notes.join("\n"),
    );
    return { message: error.message, faults };
  }
  assert.fail(`accepted ${JSON.stringify(env)}`);
}
