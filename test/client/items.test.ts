import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connect, type Gap, type Id, type Item } from "../../src/client.js";
import { type ServerMessage, SUBPROTOCOL } from "../../src/protocol/messages.js";
import { hello, id, item, settle, start, URL } from "./kit.js";
import { scripted } from "./scripted-websocket.js";

const GAP = { after: id(4), cursor: id(6), reason: "trimmed" } as const;
const gap: ServerMessage = { type: "gap", ...GAP };

describe("a store", () => {
  test("says where to start, and hears of an item when the next one is asked for", async (t) => {
    const saved: Id[] = [];
    const { client, server } = start(t, {
      after: "oldest",
      store: { load: async () => id(3), save: async (cursor) => void saved.push(cursor) },
    });
    await settle();
    assert.equal(server().welcome()["after"], id(3));
    server().say(item(4), item(5));
    const items = client[Symbol.asyncIterator]();
    assert.equal((await items.next()).value?.id, id(4));
    assert.deepEqual(saved, []);
    assert.equal(client.cursor, undefined);
    assert.equal((await items.next()).value?.id, id(5));
    assert.deepEqual(saved, [id(4)]);
    assert.equal(client.cursor, id(4));
    void client.close();
    assert.deepEqual(await items.next(), { done: true, value: undefined });
    assert.deepEqual(saved, [id(4), id(5)], "the last one was taken as well");
  });

  for (const nothing of [undefined, null]) {
    test(`that has nothing (${nothing}) leaves it to \`after\`; where it starts is saved too`, async (t) => {
      const saved: Id[] = [];
      const store = { load: () => nothing, save: (cursor: Id) => void saved.push(cursor) };
      const { server, read } = start(t, { store, after: "oldest" });
      read();
      await settle();
      assert.equal(server().welcome(id(2))["after"], "oldest");
      await settle();
      assert.deepEqual(saved, [id(2)]);
    });
  }

  test("is waited for: nothing comes before its save is done", async (t) => {
    let done: () => void = () => {};
    const save = () =>
      new Promise<void>((resolve) => {
        done = resolve;
      });
    const { server, read } = start(t, { store: { load: () => id(3), save } });
    const reader = read();
    await settle();
    server().welcome();
    server().say(item(4), item(5));
    await settle();
    assert.deepEqual(reader.data, [4]);
    done();
    await settle();
    assert.deepEqual(reader.data, [4, 5]);
    done();
  });

  const broken = new Error("quota exceeded");
  const fail = () => {
    throw broken;
  };
  test("that cannot load ends the client", async (t) => {
    const { read, client, script } = start(t, { store: { load: fail, save: () => {} } });
    const reader = read();
    await reader.ended;
    assert.equal(reader.error, broken);
    assert.deepEqual(client.status.get(), { type: "closed", error: broken });
    assert.equal(script.sockets.length, 0);
  });

  test("that cannot save ends the client", async (t) => {
    const { read, server, client } = start(t, { store: { load: () => id(3), save: fail } });
    const reader = read();
    await settle();
    server().welcome();
    server().say(item(4), item(5));
    await reader.ended;
    assert.equal(reader.error, broken);
    assert.deepEqual(reader.data, [4]);
    assert.deepEqual(server().did, ["close 1000"]);
    assert.deepEqual(client.status.get(), { type: "closed", error: broken });
  });

  test("that gives no id is refused", async (t) => {
    const { read } = start(t, { store: { load: () => "17", save: () => {} } });
    const reader = read();
    await reader.ended;
    assert.match(String(reader.error), /store\.load: expected an item's id, got 17/);
  });

  test("that answers after the client was closed starts nothing", async (t) => {
    let give: (cursor: Id) => void = () => {};
    const load = () =>
      new Promise<Id>((resolve) => {
        give = resolve;
      });
    const { client, script } = start(t, { store: { load, save: () => {} } });
    await client.close();
    give(id(3));
    await settle();
    assert.equal(script.sockets.length, 0);
  });
});

describe("a gap", () => {
  test("is told in its place, awaited, and moves the cursor", async (t) => {
    const told: unknown[] = [];
    const saved: Id[] = [];
    let go: () => void = () => {};
    const { server, client } = start(t, {
      store: { load: () => id(3), save: (cursor) => void saved.push(cursor) },
      onGap: (gap: Gap) => {
        told.push(gap);
        return new Promise<void>((resolve) => {
          go = resolve;
        });
      },
    });
    await settle();
    const read = async () => {
      for await (const { data } of client) told.push(data);
    };
    void read();
    server().welcome();
    server().say(item(4), gap, item(7));
    await settle();
    assert.deepEqual(told, [4, GAP]);
    assert.deepEqual(saved, [id(4)]);
    go();
    await settle();
    assert.deepEqual(told, [4, GAP, 7]);
    assert.deepEqual(saved, [id(4), id(6), id(7)]);
  });

  test("without onGap is thrown in its place, and leaves everything closed", async (t) => {
    const saved: Id[] = [];
    const store = { load: () => id(3), save: (cursor: Id) => void saved.push(cursor) };
    const { server, read, client } = start(t, { store });
    const reader = read();
    await settle();
    server().welcome();
    server().say(item(4), gap, item(7));
    await reader.ended;
    assert.deepEqual(reader.data, [4]);
    const { error } = reader;
    assert.ok(error instanceof Error && "code" in error && "detail" in error);
    assert.deepEqual([error.code, error.detail], ["gap", GAP]);
    assert.deepEqual(client.status.get(), { type: "closed", error });
    assert.deepEqual(server().did, ["close 1000"]);
    assert.deepEqual(saved, [id(4)], "the next client meets it again");
  });

  test("whose onGap fails ends the client with that", async (t) => {
    const wrong = new Error("snapshot failed");
    const { server, read, client } = start(t, { onGap: () => Promise.reject(wrong) });
    const reader = read();
    server().welcome(id(4));
    server().say(gap);
    await reader.ended;
    assert.equal(reader.error, wrong);
    assert.deepEqual(client.status.get(), { type: "closed", error: wrong });
  });
});

describe("parse", () => {
  test("makes the data what the application works with, and says its type", async () => {
    const { WebSocket } = scripted();
    const client = connect(URL, { WebSocket, parse: (data) => ({ number: Number(data) }) });
    const typed: (item: Item<{ number: number }>) => number = ({ data }) => data.number;
    assert.ok(typed);
    void client.close();
    for await (const item of client) typed(item);
    const plain = connect(URL, { WebSocket });
    void plain.close();
    // @ts-expect-error without `parse` the data is unknown
    for await (const item of plain) typed(item);
  });

  test("what it throws ends the client; the item was not taken", async (t) => {
    const wrong = new TypeError("no date");
    const saved: Id[] = [];
    const options = {
      store: { load: () => id(3), save: (cursor: Id) => void saved.push(cursor) },
      parse: (data: unknown) => {
        if (data === 5) throw wrong;
        return data;
      },
    };
    const { server, read } = start(t, options);
    const reader = read();
    await settle();
    server().welcome();
    server().say(item(4), item(5));
    await reader.ended;
    assert.equal(reader.error, wrong);
    assert.deepEqual(saved, [id(4)]);
  });
});

describe("the iteration", () => {
  test("is one: a second is refused", (t) => {
    const { client } = start(t);
    client[Symbol.asyncIterator]();
    assert.throws(() => client[Symbol.asyncIterator](), { code: "invalid_request" });
  });

  test("closes the client when it is left; the last item was not taken", async (t) => {
    const saved: Id[] = [];
    const store = { load: () => id(3), save: (cursor: Id) => void saved.push(cursor) };
    const { client, server } = start(t, { store });
    await settle();
    server().welcome();
    server().say(item(4), item(5), item(6));
    for await (const { data } of client) if (data === 5) break;
    assert.deepEqual(client.status.get(), { type: "closed" });
    assert.deepEqual(server().did, ["close 1000"]);
    assert.deepEqual(saved, [id(4)]);
  });

  test("that throws closes the client", async (t) => {
    const { client, server } = start(t);
    server().welcome(id(3));
    server().say(item(4));
    const wrong = new Error("mine");
    const run = async () => {
      for await (const { id } of client) throw Object.assign(wrong, { at: id });
    };
    await assert.rejects(run, wrong);
    assert.deepEqual(client.status.get(), { type: "closed" });
  });

  test("left while it waits ends at once", async (t) => {
    const { client } = start(t);
    const items = client[Symbol.asyncIterator]();
    const next = items.next();
    await settle();
    assert.deepEqual(await items.return?.(), { done: true, value: undefined });
    assert.deepEqual(await next, { done: true, value: undefined });
  });

  test("left before it began closes too", async (t) => {
    const { client } = start(t);
    await client[Symbol.asyncIterator]().return?.();
    assert.deepEqual(client.status.get(), { type: "closed" });
  });

  test("several asked for at once come one by one", async (t) => {
    const { client, server } = start(t);
    const items = client[Symbol.asyncIterator]();
    const three = Promise.all([items.next(), items.next(), items.next()]);
    server().welcome(id(0));
    server().say(item(1), item(2), item(3));
    assert.deepEqual(
      (await three).map(({ value }) => value?.data),
      [1, 2, 3],
    );
  });

  test("begun after the client was closed is over", async (t) => {
    const { client, server, read } = start(t);
    server().welcome(id(3));
    server().say(item(4));
    void client.close();
    const reader = read();
    await reader.ended;
    assert.deepEqual([reader.data, reader.error], [[], undefined]);
  });
});

describe("a slow application", () => {
  test("stops the server at `buffer` items, and lets it go on when half of them are taken", async (t) => {
    const { client, server } = start(t, { buffer: 4 });
    server().welcome(id(0));
    const items = client[Symbol.asyncIterator]();
    server().say(item(1));
    assert.equal((await items.next()).value?.data, 1);
    server().say(item(2), item(3), item(4));
    assert.deepEqual(server().heard(), []);
    server().say(item(5));
    assert.deepEqual(server().heard(), [{ type: "stop" }]);
    server().say(item(6));
    const take = async () => (await items.next()).value?.data;
    assert.deepEqual([await take(), await take()], [2, 3]);
    assert.deepEqual(server().heard(), []);
    assert.equal(await take(), 4);
    assert.deepEqual(server().heard(), [{ type: "start" }], "where the server stands, so without `after`");
    server().say(hello(id(6)), item(7));
    assert.deepEqual([await take(), await take(), await take()], [5, 6, 7]);
  });

  test("stops the server that it comes to as well", async (t) => {
    const { server, clock } = start(t, { buffer: 2 });
    server().welcome(id(0));
    server().say(item(1), item(2), item(3));
    server().socket.closed(1012);
    await clock.advance(0);
    server().socket.open(SUBPROTOCOL);
    const [started, ...more] = server().heard();
    assert.deepEqual([started?.["after"], more], [id(3), [{ type: "stop" }]], "without waiting for its hello");
    server().say(hello(id(3), { head: id(9) }));
    assert.deepEqual(server().heard(), []);
  });

  test("lets the server that it comes to go on, if it has caught up before the hello", async (t) => {
    const { client, server, clock } = start(t, { buffer: 2 });
    server().welcome(id(0));
    server().say(item(1), item(2));
    server().socket.closed(1012);
    await clock.advance(0);
    server().socket.open(SUBPROTOCOL);
    server().heard();
    const items = client[Symbol.asyncIterator]();
    await items.next();
    await items.next();
    server().say(hello(id(2)));
    assert.deepEqual(server().heard(), [{ type: "start" }]);
  });
});
