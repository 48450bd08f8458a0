import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asText, isReserved } from "../../src/protocol/text.js";

test("a string is shown as it is", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(asText(JSON.stringify(text)), text)));
});

test("anything else is shown as its JSON, byte for byte", () => {
  for (const data of ['{"a": 1}', "[1,2]", "1.50", "true", "null", ' {"b":\t2}\n']) assert.equal(asText(data), data);
});

test("space around a string's JSON does not show", () => {
  assert.equal(asText(' \t\r\n"word" \n'), "word");
});

test("the protocol's own words are refused however their JSON spells them", () => {
  for (const data of ['"SHUTDOWN"', '"CLOSE"', ' "CLOSE"\n', String.raw`"\u0053HUTDOWN"`, String.raw`"CL\u004fSE"`]) {
    assert.equal(isReserved(data), true, data);
  }
});

test("what only looks like them is not refused", () => {
  const free = ['"shutdown"', '"CLOSE "', '" SHUTDOWN"', '["CLOSE"]', '{"CLOSE":"SHUTDOWN"}', '""', "null", "0"];
  for (const data of free) assert.equal(isReserved(data), false, data);
});

test("data is reserved exactly if a text client would see one of the words", () => {
  const word = fc.constantFrom("SHUTDOWN", "CLOSE", "close", "SHUT", "");
  fc.assert(
    fc.property(fc.oneof(word, fc.jsonValue()), (value) => {
      const data = JSON.stringify(value);
      assert.equal(isReserved(data), ["SHUTDOWN", "CLOSE"].includes(asText(data)));
    }),
  );
});
