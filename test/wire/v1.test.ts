import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { deferred } from "../../src/base/deferred.js";
import { LastcallError } from "../../src/base/errors.js";
import { type Id, numberOf } from "../../src/protocol/ids.js";
import type { V1Connection } from "../../src/wire/v1.js";
import { RiggedJournal } from "../stream/kit.js";
import { ManualClock } from "../support/manual-clock.js";
import {
  type Accepted,
  BINARY,
  CLOSING,
  code,
  fill,
  LARGE,
  PONG,
  type RawClient,
  rawClient,
  TERMS,
  TEXT,
  type WireOptions,
  wire,
} from "./kit.js";

const CLOSE_MS = 7_500;

interface Message {
  readonly type: string;
  readonly id?: Id;
  readonly cursor?: Id;
  readonly head?: Id;
  readonly key?: string;
  readonly [member: string]: unknown;
}

const read = new WeakMap<RawClient, Message[]>();

/** What a client was told, as messages; closes and the like as their text. */
function messages(client: RawClient): readonly Message[] {
  const known = read.get(client) ?? [];
  read.set(client, known);
  for (const frame of client.frames.slice(known.length)) {
    known.push(frame.startsWith("{") ? JSON.parse(frame) : { type: frame });
  }
  return known;
}

const ofType = (client: RawClient, type: string) => messages(client).filter((message) => message.type === type);
const types = (client: RawClient) => messages(client).map(({ type }) => type);

function say(client: RawClient, message: object | string): void {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  client.send(TEXT, Buffer.from(text));
}

function seenType(client: RawClient, type: string, count = 1): Promise<void> {
  return client.seen(() => ofType(client, type).length >= count);
}

/** Answers our close frame and leaves, as a client should. */
function polite(frame: string, client: RawClient): void {
  if (!frame.startsWith("close ")) return;
  client.send(CLOSING, code(Number(frame.slice(6))));
  client.socket.end();
}

interface Started {
  readonly it: Awaited<ReturnType<typeof wire>>;
  readonly client: RawClient;
  readonly accepted: Accepted;
}

/** A server with one client, which has said `first` (a start) and had its hello. */
async function connected(
  t: TestContext,
  options: WireOptions = {},
  first: object | null = { type: "start" },
  onFrame = polite,
): Promise<Started> {
  const it = await wire(t, options);
  return { it, ...(await join(t, it, first, onFrame)) };
}

async function join(
  t: TestContext,
  it: Started["it"],
  first: object | null = { type: "start" },
  onFrame = polite,
): Promise<Omit<Started, "it">> {
  const client = await rawClient(it.port, "/", onFrame, "lastcall.v1");
  t.after(() => client.socket.destroy());
  const accepted = await it.accepted();
  if (first !== null) {
    say(client, first);
    await seenType(client, "hello");
  }
  return { client, accepted };
}

/** Everything that waits for nothing but its turn has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await turn();
}

function assertContiguous(ids: readonly (Id | undefined)[], after: number, last: number): void {
  const numbers = ids.map((id) => numberOf(id ?? "0-00000000"));
  assert.deepEqual(
    numbers,
    Array.from({ length: last - after }, (_, i) => after + 1 + i),
  );
}

describe("hello", () => {
  test("has the contract's members in the contract's order; `now` is the head, and what an absent `after` means", async (t) => {
    const it = await wire(t);
    const [, head] = await it.append(["one", "two"]);
    for (const after of ["now", undefined]) {
      const { client, accepted } = await join(t, it, { type: "start", stream: "main", after, token: "unused" });
      assert.equal(
        client.frames[0],
        `{"type":"hello","server":"pod","version":"1.2.3","stream":"main","cursor":"${head}","head":"${head}",` +
          `"heartbeatMs":${TERMS.heartbeatMs},"maxBytes":${TERMS.maxBytes},"keyTtlMs":${TERMS.keyTtlMs}}`,
      );
      assert.equal(client.frames.length, 1);
      assert.ok(!accepted.told.includes("behind"));
    }
  });

  test("`oldest` is the trim base; what is kept follows, data byte for byte, then what comes", async (t) => {
    const it = await wire(t);
    const base = await it.journal.head("main");
    const data = [`{"a" : 1.0, "b":1e3}`, `"\\u00e9é😀"`, `[1,\n 2\t]`];
    const ids = await it.publish(data);
    const { client, accepted } = await join(t, it, { type: "start", after: "oldest" });
    await seenType(client, "item", 3);
    const [live] = await it.publish([`"live"`]);
    await seenType(client, "item", 4);
    const [hello] = messages(client);
    assert.deepEqual([hello?.cursor, hello?.head], [base, ids[2]]);
    const expected = [...ids, live].map((id, i) => {
      const { at } = messages(client)[i + 1] ?? assert.fail();
      assert.ok(typeof at === "number" && Math.abs(Date.now() - at) < 60_000);
      return `{"type":"item","id":"${id}","at":${at},"data":${[...data, `"live"`][i]}}`;
    });
    assert.deepEqual(client.frames.slice(1), expected);
    assert.equal(accepted.told.filter((what) => what === "behind").length, 1);
  });

  test("after an id: the id, then what followed it", async (t) => {
    const it = await wire(t);
    const ids = await it.append([1, 2, 3]);
    const { client } = await join(t, it, { type: "start", after: ids[0] });
    await seenType(client, "item", 2);
    assert.equal(messages(client)[0]?.cursor, ids[0]);
    assert.deepEqual(
      ofType(client, "item").map(({ id }) => id),
      ids.slice(1),
    );
  });

  test("after an id that does not hold: that id, then a gap before any item", async (t) => {
    const journal = new RiggedJournal({ retentionItems: 2 }, new ManualClock());
    const it = await wire(t, { journal });
    const ids = await it.append([1, 2, 3, 4]);
    for (const [after, reason, cursor] of [
      [ids[0], "trimmed", ids[1]],
      ["4-00000000", "replaced", ids[3]],
      ["9-00000000", "replaced", ids[3]],
    ]) {
      const { client, accepted } = await join(t, it, { type: "start", after });
      await seenType(client, "gap");
      await settled();
      assert.deepEqual([messages(client)[0]?.cursor, messages(client)[0]?.head], [after, ids[3]]);
      assert.equal(client.frames[1], JSON.stringify({ type: "gap", after, cursor, reason }));
      const items = reason === "trimmed" ? ids.slice(2) : [];
      assert.deepEqual(
        messages(client)
          .slice(2)
          .map(({ id }) => id),
        items,
      );
      assert.ok(accepted.told.includes(`gap ${reason}`));
    }
  });

  test("one for each start, in order, however many come at once", async (t) => {
    const it = await wire(t);
    const ids = await it.append([1, 2, 3]);
    const { client } = await join(t, it, null);
    client.socket.cork();
    for (const after of [ids[2], ids[0], "now", ids[1]]) say(client, { type: "start", after });
    client.socket.uncork();
    await seenType(client, "hello", 4);
    await client.seen(() => client.frames.at(-1)?.includes(`"data":3`) === true);
    await settled();
    assert.deepEqual(
      ofType(client, "hello").map(({ cursor }) => cursor),
      [ids[2], ids[0], ids[2], ids[1]],
    );
    const last = messages(client).slice(messages(client).findLastIndex(({ type }) => type === "hello") + 1);
    assert.deepEqual(
      last.map(({ id }) => id),
      [ids[2]],
    );
  });
});

describe("a second start", () => {
  test("with `after`: from it to its hello no item, however late the old session's page comes", async (t) => {
    const journal = new RiggedJournal({}, new ManualClock());
    const located = deferred();
    let asked = 0;
    const it = await wire(t, {
      journal,
      v1: {
        async locate(feed, position) {
          asked += 1;
          if (asked === 2) await located.promise;
          const head = await feed.head();
          return { cursor: position === "now" || position === "oldest" ? head : position, head };
        },
      },
    });
    const ids = await it.append(Array.from({ length: 10 }, (_, i) => i));
    journal.hold();
    const { client } = await join(t, it, { type: "start", after: ids[0] });
    say(client, { type: "start", after: ids[7] });
    await it.append(["during"]);
    // Its pong comes behind the start: by then that is being answered.
    say(client, { type: "ping" });
    await settled();
    // The page of the first session, and whatever else was asked for.
    journal.release();
    await settled();
    assert.deepEqual(
      types(client).filter((type) => type !== "pong"),
      ["hello"],
    );
    located.resolve();
    await seenType(client, "item", 3);
    await it.append(["live"]);
    await seenType(client, "item", 4);
    await settled();
    const [, second] = ofType(client, "hello");
    assert.equal(second?.cursor, ids[7]);
    assertContiguous(
      ofType(client, "item").map(({ id }) => id),
      8,
      12,
    );
  });

  test("with `after`: the page that a replaced session asked for is not given, even after the hello", async (t) => {
    const journal = new RiggedJournal({}, new ManualClock());
    const it = await wire(t, { journal });
    const ids = await it.append([1, 2, 3, 4]);
    journal.hold();
    const { client } = await join(t, it, { type: "start", after: ids[0] });
    say(client, { type: "start", after: ids[3] });
    await seenType(client, "hello", 2);
    journal.release();
    await settled();
    await it.append([5]);
    await seenType(client, "item");
    await settled();
    assert.deepEqual(types(client), ["hello", "hello", "item"]);
    assert.equal(numberOf(ofType(client, "item")[0]?.id ?? assert.fail()), 5);
  });

  test("with `after`, while the socket takes nothing: the new session goes on when it does", async (t) => {
    const { it, client, accepted } = await connected(t);
    client.socket.pause();
    await fill(it, accepted.socket);
    const head = numberOf(await it.journal.head("main"));
    say(client, { type: "start", after: "oldest" });
    client.socket.resume();
    await seenType(client, "hello", 2);
    const second = () => messages(client).findLastIndex(({ type }) => type === "hello");
    await client.seen(() => client.frames.length - second() > head);
    assertContiguous(
      messages(client)
        .slice(second() + 1)
        .map(({ id }) => id),
      0,
      head,
    );
  });

  test("without `after`: items go on; the hello says where the server stands then", async (t) => {
    const journal = new RiggedJournal({}, new ManualClock());
    const it = await wire(t, { journal });
    const head = journal.head.bind(journal);
    const gate = deferred();
    const { client, accepted } = await join(t, it);
    journal.head = async (stream) => {
      const asked = await head(stream);
      await gate.promise;
      return asked;
    };
    say(client, { type: "start", token: "new" });
    await settled();
    const [, two] = await it.append([1, 2]);
    await seenType(client, "item", 2);
    gate.resolve();
    await seenType(client, "hello", 2);
    await it.append([3]);
    await seenType(client, "item", 3);
    assert.deepEqual(types(client), ["hello", "item", "item", "hello", "item"]);
    const hello = ofType(client, "hello")[1];
    assert.equal(hello?.cursor, two);
    assert.equal(hello?.head, two, "not the head of before, which it has passed");
    assert.ok(!accepted.told.includes("behind"), "a renewal is no replay");
  });

  test("without `after`, while the journal is away: it stays connected, and the head is the last one known", async (t) => {
    const journal = new RiggedJournal({}, new ManualClock());
    const { it, client } = await connected(t, { journal });
    const [id] = await it.append([1]);
    await seenType(client, "item");
    journal.failingHeads = 1;
    say(client, { type: "start", token: "new" });
    await seenType(client, "hello", 2);
    const [, renewed] = ofType(client, "hello");
    assert.deepEqual([renewed?.cursor, renewed?.head], [id, id]);
    await it.append([2]);
    await seenType(client, "item", 2);
  });

  test("without `after`, after stop: goes on where the server stood, without a hole", async (t) => {
    const { it, client } = await connected(t);
    const [one] = await it.append([1]);
    await seenType(client, "item");
    say(client, { type: "stop" });
    say(client, { type: "ping" });
    await seenType(client, "pong");
    await it.append([2, 3]);
    await settled();
    assert.deepEqual(types(client), ["hello", "item", "pong"]);
    say(client, { type: "start" });
    await seenType(client, "item", 3);
    await it.append([4]);
    await seenType(client, "item", 4);
    assert.equal(ofType(client, "hello")[1]?.cursor, one);
    assertContiguous(
      ofType(client, "item").map(({ id }) => id),
      0,
      4,
    );
  });

  test("stop and start in one breath are taken in their order", async (t) => {
    const { it, client } = await connected(t, {}, null);
    client.socket.cork();
    for (const message of [{ type: "start", after: "oldest" }, { type: "stop" }]) say(client, message);
    client.socket.uncork();
    await seenType(client, "hello");
    await it.append([1]);
    await settled();
    assert.deepEqual(types(client), ["hello"]);
  });

  test("naming another stream: 4400; the same one, or none, is fine", async (t) => {
    const { client } = await connected(t);
    say(client, { type: "start", stream: "main", after: "now" });
    await seenType(client, "hello", 2);
    say(client, { type: "start", stream: "other" });
    await client.closed;
    assert.deepEqual(types(client), ["hello", "hello", "close 4400", "FIN"]);
  });
});

describe("what is no message of the protocol ends the connection", () => {
  for (const [what, frame] of [
    ["no JSON", "start"],
    ["nothing", ""],
    ["an array", "[]"],
    ["null", "null"],
    ["a string", `"start"`],
    ["no type", "{}"],
    ["a type that is no string", `{"type":1}`],
    ["an unknown type", `{"type":"subscribe"}`],
    ["a server's type", `{"type":"hello"}`],
    ["a type of an object's own", `{"type":"toString"}`],
    ["a malformed position", `{"type":"start","after":"1"}`],
    ["an empty position", `{"type":"start","after":""}`],
    ["a position that is no string", `{"type":"start","after":null}`],
    ["a malformed stream", `{"type":"start","stream":"a/b"}`],
    ["a token that is no string", `{"type":"start","token":1}`],
    ["publish before start", `{"type":"publish","key":"k","data":1}`],
    ["stop before start", `{"type":"stop"}`],
    ["ping before start", `{"type":"ping"}`],
  ] as const) {
    test(`${what}: 4400, and nothing else`, async (t) => {
      const it = await wire(t);
      const client = await rawClient(it.port, "/", polite, "lastcall.v1");
      const { fate } = await it.accepted();
      say(client, frame);
      assert.deepEqual((await fate).fate, "gone");
      await client.closed;
      assert.deepEqual(client.frames, ["close 4400", "FIN"]);
      assert.equal(numberOf(await it.journal.head("main")), 0);
    });
  }

  for (const [what, frame] of [
    ["without a key", `{"type":"publish","data":1}`],
    ["with an empty key", `{"type":"publish","key":"","data":1}`],
    ["with a key too long", `{"type":"publish","key":"${"k".repeat(201)}","data":1}`],
    ["with half a character for a key", `{"type":"publish","key":"\\ud800","data":1}`],
    ["without data", `{"type":"publish","key":"k"}`],
  ] as const) {
    test(`publish ${what}: 4400`, async (t) => {
      const { it, client } = await connected(t);
      say(client, frame);
      await client.closed;
      assert.deepEqual(types(client), ["hello", "close 4400", "FIN"]);
      assert.equal(numberOf(await it.journal.head("main")), 0);
    });
  }

  test("a binary frame: 1003", async (t) => {
    const { client } = await connected(t);
    client.send(BINARY, Buffer.from(`{"type":"ping"}`));
    await client.closed;
    assert.deepEqual(types(client), ["hello", "close 1003", "FIN"]);
  });

  test("text that is not UTF-8: 1007", async (t) => {
    const { client } = await connected(t);
    client.send(TEXT, Buffer.from([0x7b, 0xff, 0x7d]));
    await client.closed;
    assert.deepEqual(types(client), ["hello", "close 1007", "FIN"]);
  });

  test("members nobody knows are ignored", async (t) => {
    const { client } = await connected(
      t,
      {},
      { type: "start", after: "now", colour: "blue", nested: { type: "stop" } },
    );
    say(client, { type: "ping", data: 1, at: 5 });
    say(client, `{"type":"publish","x":{"data":0},"key":"k","data":7,"y":[]}`);
    await seenType(client, "item");
    assert.equal(ofType(client, "item")[0]?.["data"], 7);
    assert.deepEqual(types(client).sort(), ["ack", "hello", "item", "pong"]);
  });
});

test("every reason fits into a close frame, whatever it quotes", async (t) => {
  const it = await wire(t, {
    v1: { open: () => Promise.reject(new LastcallError("journal_unavailable", "é€😀".repeat(40))) },
  });
  const client = await rawClient(it.port, "/", () => {}, "lastcall.v1");
  t.after(() => client.socket.destroy());
  const { ws } = await it.accepted();
  const payloads: Buffer[] = [];
  client.socket.on("data", (chunk: Buffer) => payloads.push(chunk));
  say(client, { type: "start" });
  await client.seen("close 1013");
  const payload = Buffer.concat(payloads).subarray(4);
  assert.ok(payload.length <= 123);
  const reason = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  assert.match(reason, /^journal_unavailable: é€😀é/);
  ws.terminate();
});

describe("no start", () => {
  test("in 5 s: 4408, and not a moment before", async (t) => {
    const clock = new ManualClock();
    const it = await wire(t, { clock });
    const client = await rawClient(it.port, "/", polite, "lastcall.v1");
    const { fate } = await it.accepted();
    await clock.advance(4_999);
    assert.deepEqual(client.frames, []);
    await clock.advance(1);
    await client.closed;
    assert.deepEqual(client.frames, ["close 4408", "FIN"]);
    assert.equal((await fate).fate, "gone");
  });

  test("is not held against who has started, or who has gone: no timer is left", async (t) => {
    const clock = new ManualClock();
    const { it, client } = await connected(t, { clock });
    assert.deepEqual(clock.pending, []);
    const { client: other, accepted } = await join(t, it, null);
    assert.deepEqual(clock.pending, [5_000]);
    other.socket.destroy();
    await accepted.fate;
    assert.deepEqual(clock.pending, []);
    await clock.advance(10_000);
    await it.append([1]);
    await seenType(client, "item");
  });
});

describe("a start that cannot be answered", () => {
  test("because the journal is away: 1013; what came behind it is not taken", async (t) => {
    const published: string[] = [];
    const it = await wire(t, {
      v1: {
        open: () => Promise.reject(new LastcallError("journal_unavailable", "away")),
        async publish(_stream, { key }) {
          published.push(key);
          return "1-00000000";
        },
      },
    });
    const client = await rawClient(it.port, "/", polite, "lastcall.v1");
    client.socket.cork();
    say(client, { type: "start" });
    say(client, { type: "publish", key: "k", data: 1 });
    say(client, { type: "start" });
    client.socket.uncork();
    await client.closed;
    assert.deepEqual(client.frames, ["close 1013", "FIN"]);
    assert.deepEqual(published, []);
  });

  test("a later one, with `after`: 1013; what came behind it is not taken either", async (t) => {
    const published: string[] = [];
    let starts = 0;
    const { client } = await connected(t, {
      v1: {
        async locate(feed) {
          starts += 1;
          if (starts > 1) throw new Error("EACCES /etc/secret");
          const head = await feed.head();
          return { cursor: head, head };
        },
        async publish(_stream, { key }) {
          published.push(key);
          return "1-00000000";
        },
      },
    });
    client.socket.cork();
    say(client, { type: "start", after: "oldest" });
    say(client, { type: "publish", key: "k", data: 1 });
    client.socket.uncork();
    await client.closed;
    assert.deepEqual(types(client), ["hello", "close 1013", "FIN"]);
    assert.deepEqual(published, []);
  });

  test("because its client has gone: the connection is over, and the answer is for nobody", async (t) => {
    const gate = deferred();
    const asked = deferred();
    const it = await wire(t, {
      v1: {
        async locate(feed) {
          asked.resolve();
          await gate.promise;
          const head = await feed.head();
          return { cursor: head, head };
        },
      },
    });
    for (const leave of ["destroy", "resetAndDestroy"] as const) {
      const client = await rawClient(it.port, "/", () => {}, "lastcall.v1");
      const { fate, told } = await it.accepted();
      say(client, { type: "start" });
      await asked.promise;
      client.socket[leave]();
      await client.closed;
      gate.resolve();
      assert.deepEqual(await fate, { fate: "gone", echoed: false });
      assert.ok(!told.some((what) => what.startsWith("wrote")));
    }
  });
});

describe("nothing follows our close frame", () => {
  test("of 4400: no pong, no ack of what was published before, no item", async (t) => {
    const gate = deferred<Id>();
    const it = await wire(t, { v1: { publish: () => gate.promise } });
    const { client, accepted } = await join(t, it, { type: "start" }, () => {});
    client.socket.cork();
    say(client, { type: "publish", key: "k", data: 1 });
    say(client, "broken");
    say(client, { type: "ping" });
    say(client, { type: "start", after: "oldest" });
    client.socket.uncork();
    await client.seen("close 4400");
    gate.resolve("1-00000000");
    await it.append([1]);
    accepted.connection.announce(0, CLOSE_MS);
    accepted.connection.end(await it.marks());
    for (let i = 0; i < 4; i += 1) accepted.connection.beat();
    say(client, { type: "ping" });
    await settled();
    client.send(CLOSING, code(4400));
    client.socket.end();
    await accepted.fate;
    await client.closed;
    assert.deepEqual(types(client), ["hello", "close 4400", "FIN"]);
  });

  test("of the drain: no ack, no pong, no hello of a start under way", async (t) => {
    const gate = deferred<Id>();
    const located = deferred();
    let starts = 0;
    const it = await wire(t, {
      v1: {
        publish: () => gate.promise,
        async locate(feed) {
          starts += 1;
          if (starts > 1) await located.promise;
          const head = await feed.head();
          return { cursor: head, head };
        },
      },
    });
    const { client, accepted } = await join(t, it, { type: "start" }, () => {});
    say(client, { type: "publish", key: "k", data: 1 });
    say(client, { type: "start", after: "now" });
    await settled();
    accepted.connection.announce(0, CLOSE_MS);
    accepted.connection.end(await it.marks());
    await client.seen("close 1012");
    gate.resolve("1-00000000");
    located.resolve();
    say(client, { type: "ping" });
    await it.append([1]);
    await settled();
    client.send(CLOSING, code(1012));
    assert.deepEqual(await accepted.fate, { fate: "left", echoed: true });
    await client.closed;
    assert.deepEqual(types(client), ["hello", "shutdown", "close", "close 1012", "FIN"]);
  });

  test("that answers the client's own: no ack", async (t) => {
    const gate = deferred<Id>();
    const it = await wire(t, { v1: { publish: () => gate.promise } });
    const { client, accepted } = await join(t, it, { type: "start" }, () => {});
    say(client, { type: "publish", key: "k", data: 1 });
    client.send(CLOSING, code(1000));
    await client.seen("close 1000");
    gate.resolve("1-00000000");
    await settled();
    client.socket.end();
    assert.equal((await accepted.fate).fate, "gone");
    await client.closed;
    assert.deepEqual(types(client), ["hello", "close 1000", "FIN"]);
  });
});

describe("alive", () => {
  test("comes after a whole interval of silence, and then once an interval", async (t) => {
    const { client, accepted } = await connected(t);
    // A beat is half an interval.
    const said = [];
    for (let beat = 1; beat <= 9; beat += 1) {
      accepted.connection.beat();
      say(client, { type: "ping" });
      said.push(beat);
      await settled();
    }
    assert.equal(ofType(client, "alive").length, 0, "pongs are no silence");
    await seenType(client, "pong", said.length);
    const heard: number[] = [];
    for (let beat = 1; beat <= 9; beat += 1) {
      const before = accepted.socket.bytesWritten;
      accepted.connection.beat();
      if (accepted.socket.bytesWritten > before) heard.push(beat);
    }
    assert.deepEqual(heard, [3, 5, 7, 9], "the first round is cut short by whatever was said last");
    await seenType(client, "alive", 4);
  });

  test("not to who is given items, nor to who has not started", async (t) => {
    const { it, client, accepted } = await connected(t);
    const { client: silent, accepted: unstarted } = await join(t, it, null);
    for (let beat = 1; beat <= 8; beat += 1) {
      if (beat % 2 === 0) {
        await it.append([beat]);
        await seenType(client, "item", beat / 2);
      }
      accepted.connection.beat();
      unstarted.connection.beat();
    }
    await settled();
    assert.deepEqual([...new Set(types(client))], ["hello", "item"]);
    assert.deepEqual(silent.frames, []);
  });

  test("goes on after stop: the connection still stands", async (t) => {
    const { client, accepted } = await connected(t);
    say(client, { type: "stop" });
    say(client, { type: "ping" });
    await seenType(client, "pong");
    for (let beat = 1; beat <= 3; beat += 1) accepted.connection.beat();
    await seenType(client, "alive");
  });
});

describe("publish", () => {
  test("is acked with its key and id; a refusal is an error with its key, code and whether to try again", async (t) => {
    const refusals: Readonly<Record<string, unknown>> = {
      reserved: new LastcallError("reserved", "a word of its own"),
      away: new LastcallError("journal_unavailable", "does not answer"),
      inside: new Error("EACCES /etc/secret"),
    };
    const { client } = await connected(t, {
      v1: {
        async publish(_stream, { key }) {
          const refusal = refusals[key];
          if (refusal !== undefined) throw refusal;
          return "7-abcdefgh";
        },
      },
    });
    for (const key of ["fine", "reserved", "away", "inside"]) say(client, { type: "publish", key, data: 1 });
    await client.seen(5);
    assert.deepEqual(client.frames.slice(1).sort(), [
      `{"type":"ack","key":"fine","id":"7-abcdefgh"}`,
      `{"type":"error","key":"away","code":"journal_unavailable","message":"does not answer","retryable":true}`,
      `{"type":"error","key":"inside","code":"internal","message":"something went wrong on the server","retryable":true}`,
      `{"type":"error","key":"reserved","code":"reserved","message":"a word of its own","retryable":false}`,
    ]);
  });

  test("behind a start that is being answered is taken after it, in order", async (t) => {
    const { it, client } = await connected(t, {}, null);
    client.socket.cork();
    say(client, { type: "start" });
    for (const key of ["a", "b", "c"]) say(client, { type: "publish", key, data: key });
    client.socket.uncork();
    await seenType(client, "item", 3);
    assert.equal(types(client)[0], "hello");
    assert.deepEqual(
      ofType(client, "item").map(({ data }) => data),
      ["a", "b", "c"],
    );
    assert.equal(numberOf(await it.journal.head("main")), 3);
  });

  test("300 at once: no more is read than may be under way, all are acked, and their acks share writes", async (t) => {
    const gate = deferred();
    let pending = 0;
    let most = 0;
    const { client, accepted } = await connected(t, {
      v1: {
        async publish(_stream, { key }) {
          pending += 1;
          most = Math.max(most, pending);
          await gate.promise;
          pending -= 1;
          return `${Number(key)}-00000000`;
        },
      },
    });
    // One frame a packet, at most: what has been read already cannot be left unread.
    let sent = 0;
    while (!accepted.ws.isPaused) {
      say(client, { type: "publish", key: `${sent}`, data: LARGE });
      sent += 1;
      await turn();
      assert.ok(sent < 400, "it goes on reading");
    }
    for (; sent < 300; sent += 1) say(client, { type: "publish", key: `${sent}`, data: 1 });
    await settled();
    assert.ok(most >= 256 && most < 300, `${most} under way`);
    const uncorked = t.mock.method(accepted.socket, "uncork");
    gate.resolve();
    await seenType(client, "ack", sent);
    assert.ok(uncorked.mock.callCount() < sent / 2, `${uncorked.mock.callCount()} writes for ${sent} acks`);
    assert.equal(accepted.ws.isPaused, false);
    assert.deepEqual(
      ofType(client, "ack")
        .map(({ key }) => Number(key))
        .sort((a, b) => a - b),
      Array.from({ length: sent }, (_, i) => i),
    );
    say(client, { type: "ping" });
    await seenType(client, "pong");
  });
});

describe("a peer that takes nothing", () => {
  for (const [what, message] of [
    ["publishes", { type: "publish", key: "k".repeat(200), data: 1 }],
    ["pings", { type: "ping" }],
    ["starts", { type: "start" }],
  ] as const) {
    test(`and ${what} is not read either, so that its answers stay bounded; when it reads, it is heard again`, async (t) => {
      const { it, client, accepted } = await connected(t, { v1: { publish: async () => "1-00000000" } });
      client.socket.pause();
      await fill(it, accepted.socket);
      const last = numberOf(await it.journal.head("main"));
      const kept = accepted.socket.writableLength;
      const text = Buffer.from(JSON.stringify({ ...message, padding: "x".repeat(1_000) }));
      let sent = 0;
      // Until nothing more is taken from it: its own socket is full then.
      while (client.socket.writableLength < 200_000) {
        client.send(TEXT, text);
        sent += 1;
        if (sent % 100 === 0) await turn();
      }
      assert.equal(accepted.ws.isPaused, true);
      const more = accepted.socket.writableLength - kept;
      assert.ok(more < 100_000, `${more} bytes kept for it`);
      client.socket.resume();
      const type = { publish: "ack", ping: "pong", start: "hello" }[message.type];
      await client.seen(() => client.frames.length > sent + last);
      assert.equal(ofType(client, type).length, sent + (type === "hello" ? 1 : 0));
      assert.equal(ofType(client, "item").length, last);
      while (accepted.ws.isPaused) await turn();
    });
  }

  test("falls back to replaying: costs no memory, and gets everything in order", async (t) => {
    const { it, client, accepted } = await connected(t);
    client.socket.pause();
    await fill(it, accepted.socket);
    const kept = accepted.socket.writableLength;
    for (let i = 0; i < 5; i += 1) await it.append(Array.from({ length: 20 }, () => LARGE));
    await settled();
    assert.equal(accepted.socket.writableLength, kept);
    client.socket.resume();
    const last = numberOf(await it.journal.head("main"));
    await seenType(client, "item", last);
    await it.append(["live"]);
    await seenType(client, "item", last + 1);
    assertContiguous(
      ofType(client, "item").map(({ id }) => id),
      0,
      last + 1,
    );
  });

  test("is told of the gap when the journal trims what it has not had", async (t) => {
    const journal = new RiggedJournal({ retentionItems: 30 }, new ManualClock());
    const { it, client, accepted } = await connected(t, { journal });
    client.socket.pause();
    await fill(it, accepted.socket);
    for (let i = 0; i < 5; i += 1) await it.append(Array.from({ length: 20 }, () => LARGE));
    client.socket.resume();
    const last = numberOf(await it.journal.head("main"));
    await client.seen(() => numberOf(ofType(client, "item").at(-1)?.id ?? "0-0") === last);
    const reasons = ofType(client, "gap").map(({ reason }) => reason);
    assert.deepEqual([...new Set(reasons)], ["trimmed"]);
    // The cursor rule of the protocol, applied by its letter.
    let cursor = ofType(client, "hello")[0]?.cursor ?? assert.fail();
    for (const message of messages(client).slice(1)) {
      if (message.type === "gap") {
        assert.equal(message["after"], cursor);
        cursor = message.cursor ?? assert.fail();
      } else {
        assert.equal(numberOf(message.id ?? assert.fail()), numberOf(cursor) + 1);
        cursor = message.id ?? assert.fail();
      }
    }
    assert.equal(numberOf(cursor), last);
  });
});

test("a live client is told when the journal is replaced under it, and goes on at the new one's head", async (t) => {
  const journal = new RiggedJournal({}, new ManualClock());
  const { it, client } = await connected(t, { journal });
  const [, two] = await it.append([1, 2]);
  await seenType(client, "item", 2);
  journal.replace();
  await seenType(client, "gap");
  const base = await journal.head("main");
  const [id] = await it.append([3]);
  await seenType(client, "item", 3);
  assert.deepEqual(ofType(client, "gap"), [{ type: "gap", after: two, cursor: base, reason: "replaced" }]);
  assert.equal(ofType(client, "item")[2]?.id, id);
  assert.deepEqual(types(client), ["hello", "item", "item", "gap", "item"]);
});

describe("the peer is never left unheard", () => {
  test("when its hello and what followed just filled the socket, and nothing more comes", async (t) => {
    const { it, client } = await connected(t);
    // Of the frame log, in one write: more than the socket's high-water mark, less than a kernel keeps.
    const base = await it.journal.head("main");
    await it.append(["x".repeat(20_000), "y".repeat(20_000)]);
    await seenType(client, "item", 2);
    const { client: other, accepted } = await join(t, it, { type: "start", after: base });
    await seenType(other, "item", 2);
    assert.equal(accepted.ws.isPaused, false);
    say(other, { type: "ping" });
    await seenType(other, "pong");
  });

  test("after a second start, and after stop", async (t) => {
    const { it, client } = await connected(t);
    await it.append(["x".repeat(20_000), "y".repeat(20_000)]);
    await seenType(client, "item", 2);
    const base = ofType(client, "hello")[0]?.cursor;
    client.socket.cork();
    for (let i = 0; i < 3; i += 1) {
      say(client, { type: "start", after: base });
      say(client, { type: "stop" });
    }
    client.socket.uncork();
    say(client, { type: "ping" });
    await seenType(client, "pong");
  });

  test("during the drain: its answer to our close is read while it is not, for its publishes", async (t) => {
    const never = new Promise<Id>(() => {});
    const { it, client, accepted } = await connected(t, { v1: { publish: () => never } });
    for (let i = 0; !accepted.ws.isPaused; i += 1) {
      say(client, { type: "publish", key: `${i}`, data: 1 });
      await turn();
      assert.ok(i < 2_000, "it goes on reading");
    }
    accepted.connection.announce(0, CLOSE_MS);
    accepted.connection.end(await it.marks());
    assert.deepEqual(await accepted.fate, { fate: "left", echoed: true });
    await client.closed;
    assert.deepEqual(types(client).slice(-4), ["shutdown", "close", "close 1012", "FIN"]);
  });

  test("during the drain, when its socket was full besides, and drains behind the goodbye", async (t) => {
    const never = new Promise<Id>(() => {});
    const { it, client, accepted } = await connected(t, { v1: { publish: () => never } });
    for (let i = 0; !accepted.ws.isPaused; i += 1) {
      say(client, { type: "publish", key: `${i}`, data: 1 });
      await turn();
    }
    client.socket.pause();
    await fill(it, accepted.socket);
    accepted.connection.announce(0, CLOSE_MS);
    accepted.connection.end(await it.marks());
    client.socket.resume();
    assert.deepEqual(await accepted.fate, { fate: "handed_over", echoed: true });
    await client.closed;
  });

  test("while a start is under way: its answer to our close is read", async (t) => {
    const never = new Promise<never>(() => {});
    const it = await wire(t, { v1: { locate: () => never } });
    const { client, accepted } = await join(t, it, null);
    say(client, { type: "start" });
    while (!accepted.ws.isPaused) await turn();
    accepted.connection.announce(0, CLOSE_MS);
    accepted.connection.end(await it.marks());
    assert.deepEqual(await accepted.fate, { fate: "left", echoed: true });
    await client.closed;
    assert.deepEqual(client.frames, ["close 1012", "FIN"]);
  });

  test("a deaf peer is not taken for a silent one; a dead one that is neither is", async (t) => {
    const gate = deferred<Id>();
    const { client, accepted } = await connected(
      t,
      { v1: { publish: () => gate.promise } },
      { type: "start" },
      () => {},
    );
    for (let i = 0; !accepted.ws.isPaused; i += 1) {
      say(client, { type: "publish", key: `${i}`, data: 1 });
      await turn();
    }
    for (let round = 0; round < 8; round += 1) assert.equal(accepted.connection.ping(), true);
    gate.resolve("1-00000000");
    while (accepted.ws.isPaused) await turn();
    await settled();
    const rounds = Array.from({ length: 6 }, () => accepted.connection.ping());
    assert.ok(rounds.includes(false), "nobody answered these");
    accepted.connection.terminate();
  });

  test("a pong is heard", async (t) => {
    const { client, accepted } = await connected(t);
    accepted.connection.ping();
    accepted.connection.ping();
    const heard = once(accepted.ws, "pong");
    client.send(PONG);
    await heard;
    assert.deepEqual([accepted.connection.ping(), accepted.connection.ping()], [true, true]);
  });
});

describe("the drain", () => {
  test("shutdown with the slot and the time to the close; then the cursor and 1012", async (t) => {
    const clock = new ManualClock();
    const { it, client, accepted } = await connected(t, { clock });
    assert.equal(accepted.connection.leavesByItself, true);
    assert.equal(accepted.connection.announce(1_234.4, 7_500.6), true);
    assert.equal(accepted.connection.announce(1, 2), false);
    const [id] = await it.append(["last"]);
    await seenType(client, "item");
    accepted.connection.end(await it.marks());
    assert.deepEqual(await accepted.fate, { fate: "left", echoed: true });
    await client.closed;
    assert.equal(client.frames[1], `{"type":"shutdown","reconnectInMs":1234,"closesInMs":7501}`);
    assert.equal(client.frames[3], `{"type":"close","cursor":"${id}"}`);
    assert.deepEqual(types(client), ["hello", "shutdown", "item", "close", "close 1012", "FIN"]);
    assert.deepEqual(accepted.told.slice(-2), ["flushed", "closed left true"]);
  });

  test("who leaves with 1000 after shutdown has left; before it, or with another code, it is gone", async (t) => {
    for (const [announced, closeCode, expected] of [
      [true, 1000, "left"],
      [false, 1000, "gone"],
      [true, 1001, "gone"],
    ] as const) {
      const { client, accepted } = await connected(t);
      if (announced) {
        accepted.connection.announce(0, CLOSE_MS);
        await seenType(client, "shutdown");
      }
      client.send(CLOSING, code(closeCode));
      await client.seen(`close ${closeCode}`);
      client.socket.end();
      assert.deepEqual(await accepted.fate, { fate: expected, echoed: false }, `${announced} ${closeCode}`);
    }
  });

  test("behind the mark: closed with the last id it was given, handed over, whatever it answers", async (t) => {
    for (const answers of [true, false]) {
      const { it, client, accepted } = await connected(t, {}, { type: "start" }, answers ? polite : () => {});
      client.socket.pause();
      await fill(it, accepted.socket);
      accepted.connection.announce(0, CLOSE_MS);
      accepted.connection.end(await it.marks());
      if (answers) {
        client.socket.resume();
        assert.equal((await accepted.fate).fate, "handed_over");
        await client.closed;
        const close = ofType(client, "close")[0];
        assert.equal(close?.cursor, ofType(client, "item").at(-1)?.id);
        assert.deepEqual(types(client).slice(-3), ["close", "close 1012", "FIN"]);
      } else {
        accepted.connection.terminate();
        assert.equal((await accepted.fate).fate, "handed_over");
        client.socket.destroy();
      }
    }
  });

  test("whose own goodbye crosses ours while its socket is full holds no memory any more", async (t) => {
    const { it, client, accepted } = await connected(t);
    client.socket.pause();
    await fill(it, accepted.socket);
    accepted.connection.announce(0, CLOSE_MS);
    accepted.connection.end(await it.marks());
    assert.equal(it.feed.stalls.size, 1, "what its socket has not taken is there");
    client.send(CLOSING, code(1000));
    await accepted.fate;
    assert.equal(it.feed.stalls.size, 0);
  });

  test("ended by force at any other moment it is handed over too: never cut", async (t) => {
    const { accepted } = await connected(t);
    accepted.connection.announce(0, CLOSE_MS);
    accepted.connection.terminate();
    assert.deepEqual(await accepted.fate, { fate: "handed_over", echoed: false });
  });

  test("who has not started at the announcement gets hello and shutdown when it does, with what is left of its time", async (t) => {
    const clock = new ManualClock();
    const it = await wire(t, { clock });
    const { client, accepted } = await join(t, it, null);
    assert.equal(accepted.connection.announce(1_000, 5_000), true);
    await clock.advance(1_500);
    assert.deepEqual(client.frames, []);
    say(client, { type: "start" });
    await seenType(client, "shutdown");
    assert.equal(client.frames[1], `{"type":"shutdown","reconnectInMs":0,"closesInMs":3500}`);
    say(client, { type: "start", after: "now" });
    await seenType(client, "hello", 2);
    await settled();
    assert.deepEqual(types(client), ["hello", "shutdown", "hello"], "told once");
  });

  test("announced while the first start is under way: hello, then shutdown, once", async (t) => {
    const gate = deferred();
    const it = await wire(t, {
      v1: {
        async locate(feed) {
          await gate.promise;
          const head = await feed.head();
          return { cursor: head, head };
        },
      },
    });
    const { client, accepted } = await join(t, it, null);
    say(client, { type: "start" });
    while (!accepted.ws.isPaused) await turn();
    accepted.connection.announce(0, CLOSE_MS);
    gate.resolve();
    await seenType(client, "shutdown");
    await settled();
    assert.deepEqual(types(client), ["hello", "shutdown"]);
  });

  test("who has not started when its time is over: 1012 alone, for it has no cursor", async (t) => {
    const { it, client, accepted } = await connected(t, {}, null);
    accepted.connection.announce(0, CLOSE_MS);
    accepted.connection.end(await it.marks());
    assert.deepEqual(await accepted.fate, { fate: "left", echoed: true });
    await client.closed;
    assert.deepEqual(client.frames, ["close 1012", "FIN"]);
  });

  test("what is published between shutdown and close is taken and acked", async (t) => {
    const { it, client, accepted } = await connected(t);
    accepted.connection.announce(0, CLOSE_MS);
    say(client, { type: "publish", key: "k", data: "late" });
    await seenType(client, "ack");
    await seenType(client, "item");
    accepted.connection.end(await it.marks());
    await client.closed;
    assert.deepEqual(types(client).sort(), ["FIN", "ack", "close", "close 1012", "hello", "item", "shutdown"]);
  });

  test("a connection of v1 has the contract's names", async (t) => {
    const { accepted } = await connected(t);
    const connection = accepted.connection as V1Connection;
    assert.deepEqual([connection.protocol, connection.stream, connection.resumable], ["lastcall.v1", "main", true]);
  });
});
