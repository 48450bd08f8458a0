import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { LastcallError } from "../../src/base/errors.js";
import { itemText, MAX_KEY_LENGTH, parseClientMessage } from "../../src/protocol/messages.js";

function refusal(text: string): string {
  try {
    parseClientMessage(text);
  } catch (thrown) {
    assert.ok(thrown instanceof LastcallError);
    assert.equal(thrown.code, "invalid_request");
    return thrown.message;
  }
  return assert.fail(`${text} was taken`);
}

const absent = { stream: undefined, after: undefined, token: undefined };

describe("start", () => {
  for (const [text, expected] of [
    [`{"type":"start"}`, {}],
    [`{"type":"start","after":"now"}`, { after: "now" }],
    [`{"type":"start","after":"oldest","stream":"a.b-c_D9"}`, { after: "oldest", stream: "a.b-c_D9" }],
    [`{"type":"start","after":"12-0a1b2c3d","token":""}`, { after: "12-0a1b2c3d", token: "" }],
    [` {"x":{"type":"stop"},"token":"t\\u0041","type":"start"}\n`, { token: "tA" }],
    [`{"type":"stop","type":"start"}`, {}],
  ] as const) {
    test(text, () => assert.deepEqual(parseClientMessage(text), { type: "start", ...absent, ...expected }));
  }

  for (const [member, values] of [
    ["after", [`""`, `"1"`, `"newest"`, `"01-abcdefgh"`, `"1-ABCDEFGH"`, `"1-abcdefgh\\n"`, "null", "1", `["now"]`]],
    ["stream", [`""`, `"a/b"`, `"-a"`, `"${"a".repeat(65)}"`, "null", "{}"]],
    ["token", ["null", "1", "true"]],
  ] as const) {
    for (const value of values) {
      test(`with ${member} ${value} is refused by its name`, () => {
        assert.match(refusal(`{"type":"start","${member}":${value}}`), new RegExp(`^${member}: expected `));
      });
    }
  }
});

describe("publish", () => {
  test("has its key, and its data as it stands", () => {
    const data = fc.json().map((json) => ` ${json}\t`);
    const key = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(key, data, (key, data) => {
        const text = `{"type":"publish","data":${data},"key":${JSON.stringify(key)}}`;
        assert.deepEqual(parseClientMessage(text), { type: "publish", key, data: data.trim() });
      }),
    );
  });

  test("takes any JSON for data, null too", () => {
    for (const data of ["null", "false", "0", `""`, "[]", "{}"]) {
      const message = parseClientMessage(`{"type":"publish","key":"k","data":${data}}`);
      assert.deepEqual(message, { type: "publish", key: "k", data });
    }
  });

  test("a key is 1 to 200 characters, none of them half a pair", () => {
    const longest = "k".repeat(MAX_KEY_LENGTH);
    assert.deepEqual(parseClientMessage(`{"type":"publish","key":"${longest}","data":1}`), {
      type: "publish",
      key: longest,
      data: "1",
    });
    assert.equal(parseClientMessage(`{"type":"publish","key":"\\ud83d\\ude00","data":1}`).type, "publish");
    for (const key of [`""`, `"${longest}k"`, "1", "null", `"\\ud83d"`, `"x\\ude00"`]) {
      assert.match(
        refusal(`{"type":"publish","key":${key},"data":1}`),
        /^key: expected a string of 1 to 200 characters$/,
      );
    }
    assert.match(refusal(`{"type":"publish","data":1}`), /^key: /);
  });

  test("without data is refused", () => {
    assert.match(refusal(`{"type":"publish","key":"k"}`), /^data: expected JSON$/);
    assert.match(refusal(`{"type":"publish","key":"k","x":{"data":1}}`), /^data: expected JSON$/);
  });
});

test("stop and ping are themselves, whatever else stands there", () => {
  assert.deepEqual(parseClientMessage(`{"type":"stop","after":5}`), { type: "stop" });
  assert.deepEqual(parseClientMessage(`{"key":null,"type":"ping"}`), { type: "ping" });
});

describe("what is none of these is refused", () => {
  for (const text of ["", "start", "{", `{"type":"start"`, `{"type":"start"}{}`, "\ufeff{}"]) {
    test(`no JSON: ${JSON.stringify(text)}`, () => assert.equal(refusal(text), "the frame is not JSON"));
  }
  for (const text of ["1", "null", `"start"`, "[]", `[{"type":"start"}]`, "true"]) {
    test(`no object: ${text}`, () => assert.equal(refusal(text), "the frame is not a JSON object"));
  }
  for (const type of [undefined, null, 1, "", "Start", "hello", "toString", "__proto__", "constructor", ["start"]]) {
    test(`of type ${JSON.stringify(type)}`, () => {
      assert.equal(refusal(JSON.stringify({ type })), "type: expected start, publish, stop or ping");
    });
  }
  test("a type from the prototype", () => {
    assert.match(refusal(`{"__proto__":{"type":"ping"}}`), /^type: /);
  });

  test("any text at all: a message, or invalid_request, and nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseClientMessage(text);
        } catch (thrown) {
          assert.ok(thrown instanceof LastcallError && thrown.code === "invalid_request");
        }
      }),
    );
  });
});

test("an item's data stands in its frame byte for byte", () => {
  const data = `{"a" : 1.0,\n"b":"\\u00e9"}`;
  assert.equal(itemText({ id: "1-abcdefgh", at: 5, data }), `{"type":"item","id":"1-abcdefgh","at":5,"data":${data}}`);
});
