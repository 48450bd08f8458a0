import assert from "node:assert/strict";
import type { Receipt } from "../../src/drain/events.js";
import type { TextClient } from "../support/text-client.js";

/**
 * What every client is owed: SHUTDOWN, this pod's last items among whatever else comes, in their order, CLOSE, close
 * frame 1012, and not a byte more.
 */
export function assertFarewell(client: TextClient, finals: number): void {
  const { texts, farewell } = client;
  assert.equal(farewell[0], "SHUTDOWN", `no SHUTDOWN in ${texts.join(" | ")}`);
  assert.equal(farewell.at(-1), "CLOSE");
  assert.equal(texts.filter((text) => text === "SHUTDOWN" || text === "CLOSE").length, 2, "each word once");
  const last = texts.map((text) => /^Final data: \d\d:\d\d:\d\d - (\d+)$/.exec(text)?.[1]).filter(Boolean);
  assert.deepEqual(
    last,
    Array.from({ length: finals }, (_, i) => String(i + 1)),
  );
  assert.equal(farewell.filter((text) => text.startsWith("Final data")).length, finals, "after SHUTDOWN");
  assert.equal(client.closeCode, 1012);
  assert.equal(client.surplus, 0, "bytes after the close frame");
}

/** Nothing is missing, and it was in time. */
export function assertClean({ code, receipt }: { readonly code: number | null; readonly receipt: Receipt }): void {
  assert.equal(code, 0);
  assert.equal(receipt.outcome, "clean");
  assert.equal(receipt.exitCode, 0);
  assert.equal(receipt.deadlineReached, false);
  assert.deepEqual(receipt.errors, []);
  assert.ok(receipt.durationMs <= receipt.budgetMs && receipt.budgetLeftMs > 0);
}

/** The clients' part of a receipt, but for the number of items. */
export function clientsOf({ clients }: Receipt) {
  const { items: _, ...rest } = clients;
  return rest;
}

/** A receipt's clients when these many were told and all went as they should. */
export function everybodyLeft(told: number) {
  return {
    told,
    flushed: told,
    left: told,
    handedOver: 0,
    cut: 0,
    gone: 0,
    open: 0,
    echoed: told,
    unanswered: 0,
  };
}
