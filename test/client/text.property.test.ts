import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { connectText, LEAVE_TIMEOUT_MS } from "../../src/client/text.js";
import type { TextEvent } from "../../src/client/text-states.js";
import { ManualClock } from "../support/manual-clock.js";
import { scripted } from "./scripted-websocket.js";

/** What may happen; the number picks one of the sockets made so far, so that old ones speak as well. */
const happening = fc.tuple(
  fc.constantFrom("open", "item", "SHUTDOWN", "CLOSE", "binary", "error", "closed", "turn", "send", "stop"),
  fc.nat(),
);

/** What may follow what, as an observer sees it. */
const FOLLOWS: Readonly<Record<TextEvent["type"], readonly TextEvent["type"][]>> = {
  connecting: ["open", "failed", "ended"],
  open: ["received", "ignored", "shutdown", "told", "lost", "closed", "ended"],
  received: ["received", "ignored", "shutdown", "told", "lost", "closed", "ended"],
  ignored: ["received", "ignored", "shutdown", "told", "lost", "closed", "ended"],
  shutdown: ["received", "ignored", "told", "lost", "closed", "ended"],
  told: ["received", "ignored", "lost", "closed", "ended"],
  failed: ["waiting"],
  lost: ["closed", "ended"],
  closed: ["waiting"],
  waiting: ["connecting", "ended"],
  ended: [],
};

test("whatever sockets, time and owner do: one connection at most, events in order, and stop leaves nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (happenings) => {
      const clock = new ManualClock();
      const script = scripted();
      const events: TextEvent[] = [];
      const client = connectText({
        url: "ws://server/ws",
        WebSocket: script.WebSocket,
        clock,
        random: () => 0.5,
        onEvent: (event) => events.push(event),
      });
      for (const [what, n] of happenings) {
        const socket = script.sockets[n % script.sockets.length];
        assert.ok(socket);
        // A socket that was dropped still tells its end, and what was under way.
        if (what === "open" && socket.readyState === 0) socket.open();
        else if (what === "closed") socket.closed(n % 2 === 0 ? 1012 : 1006);
        else if (what === "error") socket.error({ message: "reset" });
        else if (what === "turn") await clock.advance(n % 20_000);
        else if (what === "send") client.send("hello");
        else if (what === "stop") client.stop();
        else if (socket.readyState > 0) {
          socket.frame(what === "binary" ? new Uint8Array(1) : what);
        }
        assert.ok(script.sockets.filter((other) => other.readyState < 3).length <= 1, "more than one connection");
        if (client.state !== "ended") {
          assert.ok(client.state === "open" || client.state === "draining" || clock.pending.length === 1, client.state);
        }
      }
      client.stop();
      await clock.advance(LEAVE_TIMEOUT_MS);
      await client.ended;
      assert.equal(client.state, "ended");
      assert.deepEqual(clock.pending, []);
      assert.ok(script.sockets.every((socket) => socket.readyState === 3));

      assert.equal(events[0]?.type, "connecting");
      for (const [i, event] of events.entries()) {
        const previous = events[i - 1];
        if (previous) assert.ok(FOLLOWS[previous.type].includes(event.type), `${event.type} after ${previous.type}`);
      }
      assert.equal(events.at(-1)?.type, "ended");
    }),
  );
});
