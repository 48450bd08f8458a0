import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "./event-parser.js";

/** The events of a stream, whole and cut anywhere. */
function read(stream: string): EventParser {
  const whole = new EventParser();
  whole.feed(stream);
  const pieces = new EventParser();
  for (const unit of stream) pieces.feed(unit);
  assert.deepEqual(pieces.events, whole.events);
  assert.equal(pieces.lastEventId, whole.lastEventId);
  return whole;
}

// The examples of the standard, section 9.2.6.
test("the parser of these tests reads the standard's own examples", () => {
  assert.deepEqual(
    read("data: YHOO\ndata: +2\ndata: 10\n\n").events.map(({ data }) => data),
    ["YHOO\n+2\n10"],
  );
  const events = read(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n");
  assert.deepEqual(events.events, [
    { type: "message", data: "first event", lastEventId: "1" },
    { type: "message", data: "second event", lastEventId: "" },
    { type: "message", data: " third event", lastEventId: "" },
  ]);
  assert.equal(events.comments, 1);
  assert.deepEqual(
    read("data\n\ndata\ndata\n\ndata:").events.map(({ data }) => data),
    ["", "\n"],
  );
});

test("an id alone sets the id, and is no event; line ends of all three kinds are one", () => {
  const it = read("\ufeffid: 5\r\n\r\nevent: x\rdata: 1\r\rretry: 10\n\n");
  assert.deepEqual(it.events, [{ type: "x", data: "1", lastEventId: "5" }]);
  assert.deepEqual([it.lastEventId, it.retry], ["5", 10]);
});
