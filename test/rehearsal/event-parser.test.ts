import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser, type ServerEvent } from "../../src/rehearsal/event-parser.js";

function events(...pieces: readonly string[]): readonly ServerEvent[] {
  const all: ServerEvent[] = [];
  const parser = new EventParser((event) => all.push(event));
  for (const piece of pieces) parser.push(piece);
  return all;
}

const STREAM = "retry: 9\n\n:\n\nid: 1\r\ndata: a\r\ndata:b\r\n\r\nevent: gap\rdata\r\rid\nfoo: 3\n\nid: un";

const EVENTS = [{ retry: "9" }, { id: "1", data: "a\nb" }, { event: "gap", data: "" }, { id: "" }];

test("fields, comments and every line break, as HTML has them", () => {
  assert.deepEqual(events(STREAM), EVENTS);
});

test("in whatever pieces it comes", () => {
  assert.deepEqual(events(...STREAM), EVENTS);
});
