import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred } from "../../src/base/deferred.js";
import { ERROR_CODES, type ErrorCode, LastcallError, toError } from "../../src/base/errors.js";

/** The codes are part of the contract: callers compare with them, so each is spelled out here once more. */
const CONTRACT: Readonly<Record<ErrorCode, readonly [status: number, retryable: boolean]>> = {
  invalid_request: [400, false],
  unsupported_subprotocol: [400, false],
  cancelled: [400, false],
  unauthorized: [401, false],
  forbidden: [403, false],
  not_found: [404, false],
  method_not_allowed: [405, false],
  key_reused: [409, false],
  gap: [410, false],
  too_large: [413, false],
  unsupported_media_type: [415, false],
  reserved: [422, false],
  upgrade_required: [426, false],
  too_many_streams: [429, false],
  internal: [500, true],
  protocol_error: [502, false],
  starting: [503, true],
  shutting_down: [503, true],
  overloaded: [503, true],
  journal_unavailable: [503, true],
  unknown_outcome: [504, false],
  invalid_settings: [500, false],
};

test("every code has its status and says whether to come back", () => {
  const found = Object.keys(ERROR_CODES).map((code) => {
    const { status, retryable } = new LastcallError(code as ErrorCode, "");
    return [code, [status, retryable]];
  });
  assert.deepEqual(Object.fromEntries(found), CONTRACT);
});

test("an error carries what it is given", () => {
  const cause = new Error("below");
  const error = new LastcallError("gap", "not there", { detail: { cursor: "1-a" }, cause });
  assert.ok(error instanceof Error);
  assert.deepEqual(
    { name: error.name, message: error.message, detail: error.detail, cause: error.cause },
    { name: "LastcallError", message: "not there", detail: { cursor: "1-a" }, cause },
  );
  const bare = new LastcallError("internal", "oh");
  assert.deepEqual(bare.detail, {});
  assert.ok(!("cause" in bare));
});

test("whatever was thrown becomes an error, and an error stays the one it is", () => {
  const error = new TypeError("mine");
  assert.equal(toError(error), error);
  for (const thrown of ["text", 7, undefined, null, { toString: () => "odd" }]) {
    assert.equal(toError(thrown).message, String(thrown));
    assert.equal(toError(thrown).cause, thrown);
  }
});

test("a deferred is settled from outside", async () => {
  const kept = deferred<number>();
  kept.resolve(7);
  assert.equal(await kept.promise, 7);
  const broken = deferred();
  broken.reject(new Error("no"));
  await assert.rejects(broken.promise, /^Error: no$/);
});
