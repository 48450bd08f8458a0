import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent } from "node:http";
import { connect } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { type Id, numberOf } from "../../src/protocol/ids.js";
import { comeBack, reconnectionMs, sseEncoding } from "../../src/wire/sse.js";
import { RiggedJournal } from "../stream/kit.js";
import { EventParser } from "../support/event-parser.js";
import { EventsClient } from "../support/events-client.js";
import { ManualClock } from "../support/manual-clock.js";
import { fill, LARGE, RETRY_MS, type Streamed, type WireOptions, wire } from "./kit.js";

const CLOSE_MS = 7_500;

type Wire = Awaited<ReturnType<typeof wire>>;

async function connected(t: TestContext, options: WireOptions = {}, query = "") {
  const it = await wire(t, options);
  const [client, streamed] = await join(t, it, query);
  return { it, client, streamed };
}

async function join(t: TestContext, it: Wire, query = ""): Promise<[EventsClient, Streamed]> {
  const opened = EventsClient.open(t, `http://127.0.0.1:${it.port}/${query}`);
  const streamed = await it.streamed();
  return [await opened, streamed];
}

function assertContiguous(ids: readonly string[], after: number, last: number): void {
  assert.deepEqual(
    ids.map((id) => numberOf(id as Id)),
    Array.from({ length: last - after }, (_, i) => after + 1 + i),
  );
}

describe("an item", () => {
  test("is an event of the default type, with its id and the data's JSON", async (t) => {
    const { it, client } = await connected(t);
    const [id] = await it.publish([`{"a" : 1.0}`]);
    assert.deepEqual(await client.item(), { type: "message", data: `{"a" : 1.0}`, lastEventId: id });
    assert.ok(client.body.endsWith(`id: ${id}\ndata: {"a" : 1.0}\n\n`));
  });

  test("whose JSON has line breaks takes several lines, and means the same", () => {
    const broken = fc
      .array(fc.constantFrom("\n", "\r", "\r\n", " ", ":", `"a"`, ",", `"data: 1"`, `"\\n"`, "é😀"))
      .map((parts) => `[${parts.join("")}]`);
    fc.assert(
      fc.property(broken, (data) => {
        const parser = new EventParser();
        parser.feed(Buffer.from(sseEncoding.encode({ id: "1-abcdefgh", at: 0, data })).toString());
        const [event, ...others] = parser.events;
        assert.deepEqual(others, []);
        assert.deepEqual(event, {
          type: "message",
          data: data.replace(/\r\n|\r/g, "\n"),
          lastEventId: "1-abcdefgh",
        });
      }),
    );
  });
});

describe("the id alone", () => {
  test("comes first of all: who was given nothing yet resumes too", async (t) => {
    const { it, client } = await connected(t);
    const cursor = await client.until(({ lastEventId }) => lastEventId || undefined);
    assert.equal(cursor, it.feed.at);
    assert.equal(client.body, `retry: ${RETRY_MS}\nid: ${cursor}\n\n`);
    assert.deepEqual(client.events, []);
  });

  test("comes with every gap: the cursor that did not hold, what became of it, where it goes on", async (t) => {
    const journal = new RiggedJournal({ retentionItems: 2 }, new ManualClock());
    const it = await wire(t, { journal });
    const ids = await it.append([1, 2, 3, 4]);
    const [client] = await join(t, it, `?after=${ids[0]}`);
    await client.item(2);
    const gap = `{"type":"gap","after":"${ids[0]}","cursor":"${ids[1]}","reason":"trimmed"}`;
    assert.ok(
      client.body.startsWith(
        `retry: ${RETRY_MS}\nid: ${ids[0]}\n\nevent: gap\ndata: ${gap}\n\nid: ${ids[1]}\n\nid: ${ids[2]}\n`,
      ),
    );
    assert.deepEqual(client.events[0], { type: "gap", data: gap, lastEventId: ids[0] });
    assert.deepEqual(client.ids, ids.slice(2));
  });

  test("also of a journal that is replaced under a live reader", async (t) => {
    const journal = new RiggedJournal({}, new ManualClock());
    const { it, client, streamed } = await connected(t, { journal });
    const [one] = await it.append([1]);
    await client.item();
    journal.replace();
    const gap = JSON.parse((await client.event("gap")).data);
    const cursor = await client.until(({ lastEventId }) => (lastEventId === one ? undefined : lastEventId));
    assert.deepEqual(gap, { type: "gap", after: one, cursor, reason: "replaced" });
    const [next] = await it.append([2]);
    assert.equal((await client.item(2)).lastEventId, next);
    assert.ok(streamed.told.includes("gap replaced"));
  });
});

describe("the drain", () => {
  test("shutdown and close are events without an id; then the response ends, whole", async (t) => {
    const { it, client, streamed } = await connected(t);
    const { connection, told, fate } = streamed;
    assert.equal(connection.leavesByItself, false);
    const [one] = await it.append([1]);
    await client.item();
    assert.equal(connection.announce(1_234.4, CLOSE_MS), true);
    assert.equal(connection.announce(1, 2), false);
    const [two] = await it.append([2]);
    await client.item(2);
    connection.end(await it.marks());
    assert.equal(await client.ended, "whole");
    assert.deepEqual(await fate, { fate: "left", echoed: false });
    assert.deepEqual(client.events, [
      { type: "message", data: "1", lastEventId: one },
      { type: "shutdown", data: `{"type":"shutdown","reconnectInMs":1234,"closesInMs":7500}`, lastEventId: one },
      { type: "message", data: "2", lastEventId: two },
      { type: "close", data: `{"type":"close","cursor":"${two}"}`, lastEventId: two },
    ]);
    assert.equal(
      client.parser.lines.filter((line) => line.startsWith("id:")).length,
      3,
      "at the opening and with items",
    );
    assert.equal(told.filter((what) => what === "flushed").length, 1);
    assert.equal(client.parser.retry, 100, "its slot has come: it goes on elsewhere, at once");
  });

  test("what is owed, the last words and the end of the response come in one piece, in their order", async (t) => {
    const { it, client, streamed } = await connected(t);
    const { connection, socket } = streamed;
    connection.announce(0, CLOSE_MS);
    await client.event("shutdown");
    // The items and the end in one turn: the pump has not been by.
    const ids = it.append(Array.from({ length: 50 }, (_, i) => "y".repeat(i)));
    const marks = new Map([["main", { n: 50, generation: it.feed.generation }]]);
    while (it.feed.at !== (await ids).at(-1)) await turn();
    const chunks = t.mock.method(socket, "uncork");
    connection.end(marks);
    assert.equal(await client.ended, "whole");
    assertContiguous(client.ids, 0, 50);
    assert.equal(client.events.at(-1)?.type, "close");
    assert.ok(chunks.mock.callCount() <= 4, `${chunks.mock.callCount()} writes`);
  });

  test("nothing is written after the end, whatever is published or called", async (t) => {
    const { it, client, streamed } = await connected(t);
    const { connection } = streamed;
    connection.announce(0, CLOSE_MS);
    connection.end(await it.marks());
    connection.end(await it.marks());
    assert.equal(connection.announce(0, 0), false);
    await it.append(["late"]);
    for (let i = 0; i < 6; i += 1) {
      connection.beat();
      connection.ping();
    }
    assert.equal(await client.ended, "whole");
    assert.deepEqual(
      client.events.map(({ type }) => type),
      ["shutdown", "close"],
    );
    assert.equal(client.parser.comments, 0);
  });

  test("behind the mark: closed with its cursor, handed over, whether it reads on or not", async (t) => {
    for (const reads of [true, false]) {
      const { it, client, streamed } = await connected(t);
      const { connection, socket, fate } = streamed;
      client.pause();
      await fill(it, socket);
      connection.announce(0, CLOSE_MS);
      connection.end(await it.marks());
      if (reads) {
        client.resume();
        assert.equal(await client.ended, "whole");
        const close = JSON.parse((await client.event("close")).data);
        assert.equal(close.cursor, client.ids.at(-1));
        assertContiguous(client.ids, 0, numberOf(close.cursor));
      } else connection.terminate();
      assert.deepEqual(await fate, { fate: "handed_over", echoed: false });
      client.destroy();
    }
  });

  test("the connection may be used again, for whatever comes next", async (t) => {
    const it = await wire(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 3; round += 1) {
      const opened = EventsClient.open(t, `http://127.0.0.1:${it.port}/`, { agent });
      const { connection, socket, fate } = await it.streamed();
      const client = await opened;
      await it.append([round]);
      await client.item();
      connection.announce(0, CLOSE_MS);
      connection.end(await it.marks());
      assert.equal(await client.ended, "whole");
      assert.equal((await fate).fate, "left");
      assert.equal(socket.destroyed, false);
      assert.equal(client.port, socket.remotePort);
      assert.ok(socket.listenerCount("close") < 6, "nothing is left behind on it");
    }
    agent.destroy();
  });
});

describe("a reader that goes", () => {
  test("is gone, whatever it was told before", async (t) => {
    for (const announced of [true, false]) {
      const { it, client, streamed } = await connected(t);
      if (announced) {
        streamed.connection.announce(0, CLOSE_MS);
        await client.event("shutdown");
      }
      client.destroy();
      assert.deepEqual(await streamed.fate, { fate: "gone", echoed: false });
      await it.append(["for nobody"]);
      assert.ok(!streamed.told.includes("wrote 1"));
    }
  });

  test("is gone too when its response never had its turn on the connection", async (t) => {
    const it = await wire(t);
    const socket = connect(it.port, "127.0.0.1");
    socket.on("error", () => {});
    const request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    socket.write(request + request);
    const [first, second] = [await it.streamed(), await it.streamed()];
    assert.match(second.connection.peer, /^127\.0\.0\.1:\d+$/);
    socket.destroy();
    assert.equal((await first.fate).fate, "gone");
    assert.equal((await second.fate).fate, "gone");
  });

  test("a second response on the connection has its turn when the first has ended, and is whole", async (t) => {
    const it = await wire(t);
    const socket = connect(it.port, "127.0.0.1");
    t.after(() => socket.destroy());
    let text = "";
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    const request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    socket.write(request + request);
    const [first, second] = [await it.streamed(), await it.streamed()];
    const ids = await it.append(Array.from({ length: 5 }, () => "z".repeat(1_000)));
    first.connection.announce(0, CLOSE_MS);
    first.connection.end(await it.marks());
    assert.equal((await first.fate).fate, "left");
    second.connection.announce(0, CLOSE_MS);
    second.connection.end(await it.marks());
    await second.fate;
    while (text.split("\r\n0\r\n\r\n").length < 3) await once(socket, "data");
    const [, one = "", two = ""] = text.split("HTTP/1.1 200 OK");
    for (const answer of [one, two]) {
      for (const id of ids) assert.equal(answer.split(`id: ${id}\n`).length, 2, id);
      assert.ok(answer.endsWith("\r\n0\r\n\r\n"));
    }
  });
});

describe("a slow reader", () => {
  test("costs no memory, and gets everything in order", async (t) => {
    const { it, client, streamed } = await connected(t);
    client.pause();
    await fill(it, streamed.socket);
    const kept = streamed.socket.writableLength;
    for (let i = 0; i < 5; i += 1) await it.append(Array.from({ length: 20 }, () => LARGE));
    for (let i = 0; i < 20; i += 1) await turn();
    assert.equal(streamed.socket.writableLength, kept);
    const last = numberOf(await it.journal.head("main"));
    client.resume();
    await client.item(last);
    await it.append(["live"]);
    await client.item(last + 1);
    assertContiguous(client.ids, 0, last + 1);
    assert.equal(client.items.filter(({ data }) => data === `"${LARGE}"`).length, last);
  });

  test("is known by what its socket takes: one that takes nothing is dead, one that takes all is alive", async (t) => {
    const { it, client, streamed } = await connected(t);
    const { connection, socket } = streamed;
    for (let round = 0; round < 10; round += 1) assert.equal(connection.ping(), true);
    client.pause();
    await fill(it, socket);
    const rounds = Array.from({ length: 4 }, () => connection.ping());
    assert.ok(rounds.includes(false));
    connection.terminate();
    assert.equal((await streamed.fate).fate, "silent");
    // Whoever does not read does not see the end either.
    client.resume();
    assert.equal(await client.ended, "cut");
  });
});

test("a comment comes after a whole interval of silence, and is no event", async (t) => {
  const { client, streamed } = await connected(t);
  const { connection } = streamed;
  await client.until(({ lastEventId }) => lastEventId || undefined);
  for (let beat = 1; beat <= 5; beat += 1) connection.beat();
  await client.until(({ comments }) => comments === 2 || undefined);
  assert.deepEqual(client.events, []);
  assert.ok(client.body.endsWith("\n\n:\n\n:\n\n"));
});

test("HTTP/1.0 gets the bare stream, and the end of the connection for its end", async (t) => {
  const it = await wire(t);
  const socket = connect(it.port, "127.0.0.1");
  t.after(() => socket.destroy());
  let text = "";
  socket.setEncoding("utf8").on("data", (part) => {
    text += part;
  });
  const end = once(socket, "end");
  socket.write("GET / HTTP/1.0\r\nhost: x\r\n\r\n");
  const { connection, fate } = await it.streamed();
  const [id] = await it.append([1]);
  connection.announce(0, CLOSE_MS);
  connection.end(await it.marks());
  await end;
  assert.equal((await fate).fate, "left");
  const [head = "", body = ""] = text.split("\r\n\r\n");
  assert.doesNotMatch(head, /transfer-encoding/i);
  const parser = new EventParser();
  parser.feed(body);
  assert.deepEqual(
    parser.events.map(({ type, lastEventId }) => [type, lastEventId]).filter(([type]) => type !== "shutdown"),
    [
      ["message", id],
      ["close", id],
    ],
  );
});

test("the wait after a loss is spread from half a second to three", () => {
  assert.deepEqual(
    [0, 0.5, 0.999].map((random) => reconnectionMs(() => random)),
    [500, 1_750, 2_998],
  );
});

test("whoever is to come back later is told when, and given nothing", () => {
  const parser = new EventParser();
  parser.feed(comeBack(1_000).toString());
  assert.deepEqual([parser.retry, parser.events, parser.lastEventId], [1_000, [], ""]);
});
