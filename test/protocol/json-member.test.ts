import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { memberText } from "../../src/protocol/json-member.js";

const NAME = "data";

const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });

/** A string's JSON, some of its characters escaped that need not be. */
const quoted = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(text, fc.infiniteStream(fc.boolean())).map(([text, escapes]) => {
    const units = Array.from({ length: text.length }, (_, i) => {
      const unit = text.charCodeAt(i);
      if (escapes.next().value) return `\\u${unit.toString(16).padStart(4, "0")}`;
      return JSON.stringify(text.charAt(i)).slice(1, -1);
    });
    return `"${units.join("")}"`;
  });

/** What tempts a reader that does not know where strings end. */
const trap = fc.constantFrom(`"`, `\\`, `\\"`, "{", "}", "[", "]", ",", ":", `"${NAME}":1`, `,"${NAME}":`);
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.array(trap, { maxLength: 4 }).map((t) => t.join("")),
);

const scalar = fc.oneof(
  quoted(text),
  fc.constantFrom("0", "-0", "1.0", "1e3", "-12.50E+2", "12345678901234567890.000", "true", "false", "null"),
);

/** JSON text of any shape, with space wherever it may be. */
const { json, object } = fc.letrec<{ json: string; object: string; array: string; members: string[] }>((tie) => ({
  json: fc.oneof({ depthSize: "small", withCrossShrink: true }, scalar, tie("object"), tie("array")),
  members: fc.array(
    fc
      .tuple(
        space,
        quoted(fc.oneof(fc.constantFrom(NAME, "data ", "dat", "type"), text)),
        space,
        space,
        tie("json"),
        space,
      )
      .map(([a, name, b, c, value, d]) => `${a}${name}${b}:${c}${value}${d}`),
    { maxLength: 5 },
  ),
  object: fc.tuple(tie("members"), space).map(([members, s]) => `{${members.length > 0 ? members.join(",") : s}}`),
  array: fc
    .tuple(
      fc.array(
        fc.tuple(space, tie("json"), space).map((parts) => parts.join("")),
        { maxLength: 4 },
      ),
      space,
    )
    .map(([values, s]) => `[${values.length > 0 ? values.join(",") : s}]`),
}));

describe("a member's text", () => {
  test("says what JSON.parse says, for any object, and nothing where there is none", () => {
    let found = 0;
    fc.assert(
      fc.property(space, object, space, (before, body, after) => {
        const whole = `${before}${body}${after}`;
        const parsed: unknown = JSON.parse(whole);
        const expected = Object.entries(parsed ?? {}).find(([name]) => name === NAME);
        const member = memberText(whole, NAME);
        if (expected === undefined) return assert.equal(member, undefined);
        found += 1;
        assert.ok(member !== undefined);
        assert.deepEqual(JSON.parse(member), expected[1]);
        // Trimmed: no space of the frame's own, and a part of it as it stands.
        assert.equal(member, member.trim());
        assert.ok(whole.includes(member));
      }),
      { numRuns: 2_000 },
    );
    assert.ok(found > 200, `only ${found} had one`);
  });

  test("is byte for byte the one that was put there, whatever stands around it", () => {
    fc.assert(
      fc.property(object, json, quoted(fc.constant(NAME)), space, space, (body, value, name, a, b) => {
        const empty = /^\{\s*\}$/.test(body);
        // The last of its name counts.
        const whole = `${body.slice(0, -1)}${empty ? "" : ","}${a}${name}${b}:${a}${value}${b}}`;
        assert.equal(memberText(whole, NAME), value);
      }),
      { numRuns: 1_000 },
    );
  });

  for (const [what, whole, expected] of [
    ["alone", `{"data":1}`, "1"],
    ["none", `{"type":"publish"}`, undefined],
    ["of an empty object", "{ }", undefined],
    ["not one of a nested object", `{"x":{"data":1},"y":[{"data":2}]}`, undefined],
    ["the last of several", `{"data":1,"data":{"a":2},"x":3}`, `{"a":2}`],
    ["with its name in escapes", `{"d\\u0061ta":1}`, "1"],
    ["the last one, however its name is spelled", `{"data":1,"\\u0064ata":2}`, "2"],
    ["a string with everything in it", `{"data":"\\"},{\\\\","x":1}`, `"\\"},{\\\\"`],
    ["a string that ends in a backslash", `{"x":"\\\\","data":"\\\\"}`, `"\\\\"`],
    ["numbers as they are written", `{"data": 1.50E+03 }`, "1.50E+03"],
    ["space inside, and none around", `{ "data" :\t[ 1 ,\r\n 2 ] }`, "[ 1 ,\r\n 2 ]"],
    ["after a name that only contains it", `{"x\\"data":1,"data":2}`, "2"],
    ["of the prototype's name", `{"__proto__":{"data":1},"data":2}`, "2"],
  ] as const) {
    test(what, () => assert.equal(memberText(whole, "data"), expected));
  }

  test("takes time in proportion to the text: backslashes and brackets by the thousand", () => {
    for (const value of [
      `"${"\\\\".repeat(200_000)}"`,
      `"${'\\"'.repeat(200_000)}"`,
      "[".repeat(5_000) + "]".repeat(5_000),
    ]) {
      assert.equal(memberText(`{"x":${value},"data":${value}}`, "data"), value);
    }
  });
});
