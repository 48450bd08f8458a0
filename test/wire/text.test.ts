import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { WebSocket } from "ws";
import { numberOf } from "../../src/protocol/ids.js";
import { BINARY, CLOSING, code, PONG, type RawClient, rawClient, TEXT, wire } from "./kit.js";

const S_MS = 5_000;
/** Enough, this often, to fill what two kernels keep for one connection. */
const LARGE = "x".repeat(60_000);

/** Answers our close frame and leaves, as a client should. */
function polite(frame: string, client: RawClient): void {
  if (frame.startsWith("close ")) {
    client.send(CLOSING, code(Number(frame.slice(6))));
    client.socket.end();
  }
}

/** Publishes until the connection's socket takes no more. */
async function fill(it: Awaited<ReturnType<typeof wire>>, told: readonly string[]): Promise<void> {
  while (!told.includes("blocked")) {
    await it.append(Array.from({ length: 20 }, () => LARGE));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("the goodbye", () => {
  test("SHUTDOWN, what comes until the mark, CLOSE, 1012, in this order and nothing after it", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port, "/", polite);
    const { connection, told, fate } = await it.accepted();
    await it.append(["before", { a: 1 }]);
    await client.seen('{"a":1}');
    connection.announce(0, S_MS);
    await it.append(["during"]);
    await client.seen("during");
    await it.append(["final 1", "final 2"]);
    connection.end(await it.marks());
    await it.append(["too late"]);
    assert.deepEqual(await fate, { fate: "left", echoed: true });
    await client.closed;
    assert.deepEqual(client.frames, [
      "before",
      '{"a":1}',
      "SHUTDOWN",
      "during",
      "final 1",
      "final 2",
      "CLOSE",
      "close 1012",
      "FIN",
    ]);
    assert.deepEqual(told.slice(-2), ["flushed", "closed left true"]);
    assert.equal(told.filter((what) => what === "flushed").length, 1);
  });

  test("is understood by ws: code 1012, closed cleanly", async (t) => {
    const it = await wire(t);
    const client = new WebSocket(`ws://127.0.0.1:${it.port}/`);
    const words: string[] = [];
    client.on("message", (data) => words.push(data.toString()));
    const closed = once(client, "close");
    const { connection, fate } = await it.accepted();
    await it.append(["last"]);
    connection.announce(0, S_MS);
    connection.end(await it.marks());
    const [closeCode] = await closed;
    assert.deepEqual([closeCode, await fate], [1012, { fate: "left", echoed: true }]);
    assert.deepEqual([...words].sort(), ["CLOSE", "SHUTDOWN", "last"]);
    assert.equal(words.at(-1), "CLOSE");
  });

  test("waits for a mark that is still to come", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port, "/", polite);
    const { connection, fate } = await it.accepted();
    const [id] = await it.append(["one"]);
    assert.ok(id);
    connection.announce(0, S_MS);
    connection.end(new Map([["main", { n: numberOf(id) + 1, generation: 0 }]]));
    await client.seen("one");
    assert.ok(!client.frames.includes("CLOSE"));
    await it.append(["two"]);
    await fate;
    await client.closed;
    assert.deepEqual(client.frames.slice(-4), ["two", "CLOSE", "close 1012", "FIN"]);
  });

  test("comes only when its turn has: never before the announcement, and once", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port, "/", polite);
    const { connection, fate } = await it.accepted();
    connection.end(await it.marks());
    connection.announce(0, S_MS);
    connection.announce(0, S_MS);
    await it.append(["served"]);
    await client.seen("served");
    assert.deepEqual(client.frames, ["SHUTDOWN", "served"]);
    connection.end(await it.marks());
    connection.end(await it.marks());
    await fate;
    await client.closed;
    assert.deepEqual(client.frames, ["SHUTDOWN", "served", "CLOSE", "close 1012", "FIN"]);
  });
});

describe("how a connection ends", () => {
  test("one that never reads is cut", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    client.socket.pause();
    const { connection, told, fate } = await it.accepted();
    await fill(it, told);
    connection.announce(0, S_MS);
    connection.end(await it.marks());
    connection.terminate();
    assert.deepEqual(await fate, { fate: "cut", echoed: false });
    assert.ok(!told.includes("flushed"));
    client.socket.destroy();
    await client.closed;
  });

  test("one that reads late gets everything all the same", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port, "/", polite);
    client.socket.pause();
    const { connection, told, fate } = await it.accepted();
    await fill(it, told);
    connection.announce(0, S_MS);
    const marks = await it.marks();
    connection.end(marks);
    client.socket.resume();
    assert.deepEqual(await fate, { fate: "left", echoed: true });
    await client.closed;
    const items = client.frames.filter((frame) => frame === LARGE).length;
    assert.deepEqual([items, client.frames.slice(-3)], [marks.get("main")?.n, ["CLOSE", "close 1012", "FIN"]]);
  });

  test("one that does not answer the close is unanswered, not cut", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    const { connection, heard, fate } = await it.accepted();
    connection.announce(0, S_MS);
    connection.end(await it.marks());
    await client.seen("close 1012");
    await heard("flushed");
    connection.terminate();
    assert.deepEqual(await fate, { fate: "unanswered", echoed: false });
    client.socket.destroy();
    await client.closed;
  });

  test("one that drops TCP at CLOSE has left, by FIN or by RST", async (t) => {
    for (const drop of ["destroy", "resetAndDestroy", "end"] as const) {
      const it = await wire(t);
      const client = await rawClient(it.port, "/", (frame, { socket }) => {
        if (frame === "CLOSE") socket[drop]();
      });
      const { connection, fate } = await it.accepted();
      connection.announce(0, S_MS);
      connection.end(await it.marks());
      assert.deepEqual(await fate, { fate: "left", echoed: false }, drop);
      client.socket.destroy();
      await client.closed;
    }
  });

  test("one that goes before it was told all is gone: before SHUTDOWN, after it, and while it is flushed", async (t) => {
    for (const at of ["open", "told", "ending"]) {
      const it = await wire(t);
      const client = await rawClient(it.port);
      const { connection, told, fate } = await it.accepted();
      if (at !== "open") connection.announce(0, S_MS);
      if (at === "ending") {
        client.socket.pause();
        await fill(it, told);
        connection.end(await it.marks());
      }
      client.socket.resetAndDestroy();
      assert.deepEqual(await fate, { fate: "gone", echoed: false }, at);
      assert.ok(!told.includes("flushed"));
    }
  });

  test("one that was ended by us, twice, is told once", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    const { connection, told, fate } = await it.accepted();
    connection.terminate();
    connection.terminate();
    await fate;
    await client.closed;
    assert.deepEqual(told, ["closed silent false"]);
  });
});

describe("a close that the client began", () => {
  test("is answered with its code, and nothing follows, whatever is published or announced", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    const { connection, told, fate } = await it.accepted();
    await it.append(["before"]);
    await client.seen("before");
    client.send(CLOSING, code(1000));
    await client.seen("close 1000");
    connection.announce(0, S_MS);
    await it.append(["after"]);
    connection.end(await it.marks());
    client.socket.end();
    await fate;
    await client.closed;
    assert.deepEqual(client.frames, ["before", "close 1000", "FIN"]);
    assert.deepEqual(
      told.filter((what) => what.startsWith("wrote")),
      ["wrote 1"],
    );
  });

  test("is no answer to ours: the client went of its own will, and was told nothing", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    const { connection, told, fate } = await it.accepted();
    connection.announce(0, S_MS);
    await client.seen("SHUTDOWN");
    client.send(CLOSING, code(1000));
    await client.seen("close 1000");
    connection.end(await it.marks());
    client.socket.end();
    assert.deepEqual(await fate, { fate: "gone", echoed: false });
    assert.ok(!told.includes("flushed"));
    await client.closed;
  });

  test("while a page is being read: nothing follows the answer", async (t) => {
    const it = await wire(t);
    const [first] = await it.append(["one", "two", "three"]);
    assert.ok(first);
    // A journal whose answer comes late, as those over a network do.
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const read = it.journal.read.bind(it.journal);
    let reading = () => {};
    const asked = new Promise<void>((resolve) => {
      reading = resolve;
    });
    it.journal.read = async (...args) => {
      reading();
      await held;
      return read(...args);
    };
    const client = await rawClient(it.port, `/?after=${first}`);
    const { fate, told } = await it.accepted();
    await asked;
    client.send(CLOSING, code(1000));
    await client.seen("close 1000");
    release();
    await new Promise((resolve) => setImmediate(resolve));
    client.socket.end();
    await fate;
    await client.closed;
    assert.deepEqual(client.frames, ["close 1000", "FIN"]);
    // Nor is anything counted as given.
    assert.deepEqual(told, ["closed gone false"]);
  });
});

describe("frames from the client", () => {
  test("text is told; it is not an item", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    const { connection, heard, told } = await it.accepted();
    client.send(TEXT, Buffer.from("Client message: é"));
    await heard("received Client message: é");
    assert.equal(told.length, 1);
    assert.equal(numberOf(await it.journal.head("main")), 0);
    connection.terminate();
    await client.closed;
  });

  test("binary ones are answered with 1003, however many, and nothing follows", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port, "/", polite);
    const { connection, fate, told } = await it.accepted();
    client.socket.cork();
    for (let i = 0; i < 3; i += 1) client.send(BINARY, Buffer.from([1, 2, 3]));
    client.socket.uncork();
    await client.seen("close 1003");
    connection.announce(0, S_MS);
    await it.append(["more"]);
    assert.equal((await fate).fate, "gone");
    await client.closed;
    assert.deepEqual([client.frames[0], client.frames.length], ["close 1003", 2]);
    assert.deepEqual(
      told.filter((what) => what.startsWith("wrote") || what.startsWith("received")),
      [],
    );
  });
});

test("nothing follows our close frame while the peer makes up its mind", async (t) => {
  const it = await wire(t);
  const client = await rawClient(it.port);
  const { connection, fate } = await it.accepted();
  client.send(BINARY);
  await client.seen("close 1003");
  connection.announce(0, S_MS);
  await it.append(["more"]);
  connection.end(await it.marks());
  assert.equal(connection.ping(), true);
  client.send(CLOSING, code(1003));
  client.socket.end();
  await fate;
  await client.closed;
  assert.deepEqual(client.frames, ["close 1003", "FIN"]);
});

describe("pings", () => {
  test("two may stay unanswered; a third is not sent", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    const { connection } = await it.accepted();
    assert.deepEqual([connection.ping(), connection.ping(), connection.ping()], [true, true, false]);
    await client.seen(2);
    connection.terminate();
    await client.closed;
    assert.deepEqual(client.frames.slice(0, 3), ["opcode 9", "opcode 9", "FIN"]);
  });

  test("a pong, or anything said, makes up for those before", async (t) => {
    for (const [opcode, event] of [
      [PONG, "pong"],
      [TEXT, "message"],
    ] as const) {
      const it = await wire(t);
      const client = await rawClient(it.port);
      const { connection, ws } = await it.accepted();
      connection.ping();
      connection.ping();
      const heard = once(ws, event);
      client.send(opcode);
      await heard;
      const rounds = Array.from({ length: 4 }, () => connection.ping());
      assert.deepEqual(rounds, [true, true, true, false], "a rest, a ping, a second one, the end");
      connection.terminate();
      await client.closed;
    }
  });

  test("a peer that takes nothing is dead after two, without a ping behind what it did not read", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    client.socket.pause();
    const { connection, socket, told } = await it.accepted();
    await fill(it, told);
    // The first one sees how much it has taken.
    connection.ping();
    const queued = socket.writableLength;
    assert.deepEqual([connection.ping(), connection.ping()], [true, false]);
    assert.equal(socket.writableLength, queued);
    connection.terminate();
    client.socket.destroy();
    await client.closed;
  });

  test("a peer that still takes bytes is alive, however late its pong", async (t) => {
    const it = await wire(t);
    const client = await rawClient(it.port);
    client.socket.pause();
    const { connection, socket, told } = await it.accepted();
    await fill(it, told);
    for (let i = 0; i < 5; i += 1) {
      const sent = socket.bytesWritten - socket.writableLength;
      assert.equal(connection.ping(), true);
      client.socket.resume();
      while (socket.bytesWritten - socket.writableLength === sent)
        await new Promise((resolve) => setImmediate(resolve));
      client.socket.pause();
      // What it took may not have been all: then the socket is full still, and is not told to be so again.
      if (socket.writableNeedDrain) continue;
      told.length = 0;
      await fill(it, told);
    }
    connection.terminate();
    client.socket.destroy();
    await client.closed;
  });
});

test("a gap is told as CLOSE and 1012: there is no cursor to go on from", async (t) => {
  const it = await wire(t);
  const [first] = await it.append(["one", "two"]);
  assert.ok(first);
  const client = await rawClient(it.port, `/?after=${first.replace(/-.*/, "-forged00")}`, polite);
  const { connection, fate } = await it.accepted();
  assert.equal(connection.stream, "main");
  assert.match(connection.peer, /^127\.0\.0\.1:\d+$/);
  assert.deepEqual(await fate, { fate: "lost", echoed: true });
  await client.closed;
  assert.deepEqual(client.frames, ["CLOSE", "close 1012", "FIN"]);
});
