import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CLOSE } from "../../src/protocol/close-codes.js";
import {
  DEFAULT_STREAM,
  isId,
  isStreamName,
  makeId,
  numberOf,
  parsePosition,
  STREAM_PATTERN,
  TAG_LENGTH,
} from "../../src/protocol/ids.js";

const tag = fc.string({
  unit: fc.constantFrom(..."0123456789abcdefghijklmnopqrstuvwxyz"),
  minLength: TAG_LENGTH,
  maxLength: TAG_LENGTH,
});

test("an id that was made is one, and says its number", () => {
  fc.assert(
    fc.property(fc.nat({ max: 999_999_999_999_999 }), tag, (n, tag) => {
      const id = makeId(n, tag);
      assert.ok(isId(id));
      assert.equal(numberOf(id), n);
    }),
  );
});

test("anything else is none", () => {
  const others = [
    "",
    "1",
    "-",
    "1-",
    "-abcdefgh",
    "1-abcdefg",
    "1-abcdefghi",
    "01-abcdefgh",
    "1-ABCDEFGH",
    "1-abcdefg_",
    "+1-abcdefgh",
    "1.0-abcdefgh",
    "1e3-abcdefgh",
    "-1-abcdefgh",
    " 1-abcdefgh",
    "1-abcdefgh\n",
    "1234567890123456-abcdefgh",
    "now",
    "oldest",
  ];
  for (const text of others) assert.equal(isId(text), false, JSON.stringify(text));
});

test("a position is an id, oldest or now; what is none is told, but not at length", () => {
  for (const text of ["1-abcdefgh", "0-00000000", "oldest", "now"]) assert.equal(parsePosition(text), text);
  for (const text of ["", "Oldest", "now ", "1-short", "1", `1-${"x".repeat(500)}`]) {
    assert.throws(() => parsePosition(text), {
      name: "LastcallError",
      code: "invalid_request",
      message: "after: expected an item's id, `oldest` or `now`",
      detail: { after: text.slice(0, 80) },
    });
  }
});

test("every number an id can hold is exact", () => {
  assert.ok(Number.isSafeInteger(numberOf("999999999999999-abcdefgh")));
});

test("a stream's name is 1 to 64 plain characters, and the schema says the same", () => {
  const good = [DEFAULT_STREAM, "a", "0", "a.b_c-D9", "x".repeat(64)];
  const bad = ["", ".a", "-a", "_a", "a b", "a/b", "é", "x".repeat(65), "main\n"];
  for (const name of [...good, ...bad]) {
    assert.equal(isStreamName(name), good.includes(name), JSON.stringify(name));
    assert.equal(new RegExp(STREAM_PATTERN, "u").test(name), good.includes(name), JSON.stringify(name));
  }
});

test("no close code the server may start with is one it may not", () => {
  const { normal, ...started } = CLOSE;
  assert.equal(normal, 1000);
  const forbidden: readonly number[] = [1000, 1001, 1004, 1005, 1006, 1015];
  for (const code of Object.values(started)) {
    assert.ok(!forbidden.includes(code), `${code}`);
    assert.ok((code >= 1003 && code <= 1014) || (code >= 4000 && code <= 4999), `${code}`);
  }
});
