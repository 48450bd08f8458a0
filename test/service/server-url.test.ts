import assert from "node:assert/strict";
import { test } from "node:test";
import { LastcallError } from "../../src/base/errors.js";
import { DEFAULT_SERVER_URL, parseServerUrl } from "../../src/service/server-url.js";

test("http, https, ws and wss are taken, and /ws stands in for a missing path", () => {
  const cases: [string, string][] = [
    [DEFAULT_SERVER_URL, DEFAULT_SERVER_URL],
    ["ws://localhost:8080", "ws://localhost:8080/ws"],
    ["http://localhost:8080/", "ws://localhost:8080/ws"],
    ["https://example.org", "wss://example.org/ws"],
    ["WSS://example.org:9443?stream=main", "wss://example.org:9443/ws?stream=main"],
    ["http://[::1]:8080", "ws://[::1]:8080/ws"],
    ["https://example.org/under/here", "wss://example.org/under/here"],
    ["  ws://example.org\n", "ws://example.org/ws"],
  ];
  for (const [text, expected] of cases) assert.equal(parseServerUrl(text).href, expected);
});

test("anything else is refused with what was given", () => {
  const cases: [string, RegExp][] = [
    ["", /^server URL "": it must be a URL such as ws:\/\/localhost:8080\/ws$/],
    ["not a url", /^server URL "not a url": it must be a URL/],
    ["ws://", /^server URL "ws:\/\/": it must be a URL/],
    ["ws://host:99999", /^server URL "ws:\/\/host:99999": it must be a URL/],
    ["localhost:8080", /^server URL "localhost:8080": it must start with http:\/\/, https:\/\/, ws:\/\/ or wss:\/\/$/],
    ["ftp://user:secret@host", /^server URL "ftp:\/\/\*\*\*@host": it must start with/],
    ["ws://host/ws#here", /^server URL "ws:\/\/host\/ws#here": it must not have a fragment/],
    ["a\u001b[31m", /^server URL "a\\u001b\[31m": it must be a URL/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parseServerUrl(text),
      (thrown) => thrown instanceof LastcallError && thrown.code === "invalid_request" && message.test(thrown.message),
      text,
    );
  }
});
