import assert from "node:assert/strict";
import { after, it } from "node:test";
import { inspect } from "node:util";
import { LastcallError } from "../../src/base/errors.js";
import { explain } from "../../src/journal/redis-errors.js";
import { numberOf } from "../../src/protocol/ids.js";
import { RedisServer } from "../support/redis.js";
import { appendAll, entriesOf, item, items, nth, refused } from "./contract/kit.js";
import { eventually, Follower, opened, place, redis } from "./redis-kit.js";

const unavailable = refused("journal_unavailable");
const server = await RedisServer.start();
after(() => server.remove());

for (const [title, code, begin, end] of [
  ["has no memory left", "OOM", ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
  ["is a replica", "READONLY", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]],
  [
    "lacks replicas",
    "NOREPLICAS",
    ["CONFIG", "SET", "min-replicas-to-write", "1"],
    ["CONFIG", "SET", "min-replicas-to-write", "0"],
  ],
] as const) {
  it(`takes nothing and is not healthy while Redis ${title}, and tells why`, async (t) => {
    const journal = await opened(t, place(server));
    const ids = await appendAll(journal, "main", 3);
    await server.command(...begin);
    try {
      const told = (thrown: unknown) => unavailable(thrown) && new RegExp(`\\(${code}\\)`).test(String(thrown));
      await assert.rejects(journal.append("main", items(1, 3)), told);
      await assert.rejects(journal.check(), unavailable);
      // What needs no writing goes on.
      const page = await eventually(() => journal.read("main", nth(ids, 0), 10));
      assert.ok(page.type === "entries" && page.entries.length === 2);
    } finally {
      await server.command(...end);
    }
    await eventually(() => journal.check());
    const [next] = await eventually(() => journal.append("main", items(1, 3)));
    assert.equal(numberOf(next?.id ?? "0-"), 4);
  });
}

it("acknowledges with redisWait what the replicas have, and nothing else", async (t) => {
  const [master, replica] = [await redis(t), await redis(t)];
  const journal = await opened(t, master.url, { redisWait: 1 });
  await assert.rejects(journal.append("main", [item({})]), unavailable);
  await assert.rejects(journal.check(), unavailable);
  await replica.follow(master);
  const [first] = await eventually(() => journal.append("main", [item({})]));
  assert.deepEqual(first, { type: "appended", id: await journal.head("main"), repeated: true });
  await journal.check();
  const ids = await appendAll(journal, "main", 100, 7, 1);
  await replica.command("REPLICAOF", "NO", "ONE");
  await master.kill();
  const there = await opened(t, replica.url);
  assert.deepEqual(
    (await entriesOf(there, "main")).map(({ id }) => id),
    [first?.id, ...ids],
  );
});

it("logs in, and never tells the password", async (t) => {
  const secured = await redis(t, ["--requirepass", "hunter2"]);
  const right = await opened(t, `redis://:hunter2@127.0.0.1:${secured.port}`);
  await right.check();
  for (const login of ["", ":hunter22@", "me:hunter22@", ":hunter22%40@"]) {
    const journal = await opened(t, `redis://${login}127.0.0.1:${secured.port}`);
    const error: unknown = await journal.check().catch((thrown) => thrown);
    unavailable(error);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /hunter/);
    assert.match(String(error), /WRONGPASS|NOAUTH/);
  }
});

it("explains failures without repeating what was sent", () => {
  const reply = (message: string) => Object.assign(new Error(message), { name: "ReplyError" });
  for (const [message, told] of [
    ["READONLY You can't write against a read only replica.", "it is a replica (READONLY)"],
    ["ERR Error running script: @user_script: 9: -OOM command not allowed", "it is out of memory (OOM)"],
    ["ERR unknown command `HELLO`, with args beginning with: `hunter2`", "it refused a command (ERR)"],
    ["hunter2", "it refused a command (no code)"],
  ] as const) {
    assert.equal(explain(reply(message)), told);
  }
  const refusal = Object.assign(new Error("connect ECONNREFUSED ::1:1"), { code: "ECONNREFUSED" });
  assert.equal(explain(refusal), "connect ECONNREFUSED ::1:1");
  assert.equal(
    explain(Object.assign(new AggregateError([], "all"), { message: "", code: "ECONNREFUSED" })),
    "ECONNREFUSED",
  );
  assert.equal(explain(new Error("hunter2")), undefined);
  assert.equal(explain("hunter2"), undefined);
});

it("tells damage as `replaced`: a lost entry, a lost stream, a lost list of streams", async (t) => {
  const prefix = "damaged";
  const journal = await opened(t, `${server.url}?prefix=${prefix}`);
  const ids = await appendAll(journal, "main", 5);
  const replaced = (after: string) => ({ type: "gap", after, cursor: ids[4], reason: "replaced", head: ids[4] });
  await server.command("XDEL", `{${prefix}}:s:main`, "3-0");
  const before = await journal.read("main", nth(ids, 0), 10);
  assert.ok(before.type === "entries" && before.entries.length === 1);
  assert.deepEqual(await journal.read("main", nth(ids, 1), 10), replaced(nth(ids, 1)));
  await server.command("DEL", `{${prefix}}:s:main`);
  assert.deepEqual(await journal.read("main", nth(ids, 3), 10), replaced(nth(ids, 3)));
  const [sixth] = await appendAll(journal, "main", 1, 1, 5);
  assert.equal(numberOf(sixth ?? "0-"), 6);
  await server.command("DEL", `{${prefix}}:streams`);
  const page = await journal.read("main", sixth ?? "0-", 10);
  assert.ok(page.type === "gap" && page.reason === "replaced" && numberOf(page.cursor) === 0);
  const [first] = await appendAll(journal, "main", 1, 1, 6);
  assert.equal(numberOf(first ?? "0-"), 1);
});

it("gives a follower up, instead of spinning, whose stream somebody else wrote to", async (t) => {
  const journal = await opened(t, `${server.url}?prefix=foreign`);
  const [first] = await appendAll(journal, "main", 1);
  const follower = new Follower(t, journal, "main", first ?? "0-");
  await server.command("XADD", "{foreign}:s:main", "77-0", "a", "b");
  await follower.until(({ losses }) => losses > 0);
  await assert.rejects(journal.append("main", items(1, 1)), unavailable);
  await server.command("XDEL", "{foreign}:s:main", "77-0");
  await assert.rejects(journal.append("main", items(1, 1)), unavailable, "the refused append left no key behind");
});

it("has its words for a server that is none", async (t) => {
  const journal = await opened(t, "redis://127.0.0.1:1");
  const error: unknown = await journal.check().catch((thrown) => thrown);
  assert.ok(error instanceof LastcallError);
  assert.match(error.message, /ECONNREFUSED 127.0.0.1:1/);
});
