import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { isId } from "../../src/protocol/ids.js";
import { altered, listen, memory, post, postRaw, rawConnection } from "./kit.js";
import { TextClient } from "./text-client.js";

interface Items {
  readonly items: readonly { readonly id: string; readonly at: number; readonly data: unknown }[];
  readonly cursor: string;
}

const get = async (url: string, query = ""): Promise<Items> => {
  const response = await fetch(`${url}/items${query}`);
  assert.equal(response.status, 200);
  return (await response.json()) as Items;
};

const refusal = async (asked: Promise<Response>): Promise<[number, Record<string, unknown>]> => {
  const response = await asked;
  const body = (await response.json()) as Record<string, unknown>;
  assert.equal(typeof body["message"], "string");
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  return [response.status, body];
};

describe("POST /items", () => {
  test("answers 201 with the item's id, 200 with the same one when key and data are repeated", async (t) => {
    const { url } = await listen(t);
    const first = await postRaw(url, `{"a":1}`, { key: "k" });
    assert.equal(first.status, 201);
    const { id } = (await first.json()) as { id: string };
    assert.ok(isId(id));
    const again = await postRaw(url, `{"a":1}`, { key: "k" });
    assert.equal(again.status, 200);
    assert.deepEqual(await again.json(), { id });
    assert.equal((await get(url)).items.length, 1);
  });

  test("refuses a key that was used with other data, and names the item", async (t) => {
    const { url } = await listen(t);
    const { id } = (await (await postRaw(url, "1", { key: "k" })).json()) as { id: string };
    const [status, body] = await refusal(postRaw(url, "2", { key: "k" }));
    assert.equal(status, 409);
    assert.equal(body["code"], "key_reused");
    assert.equal(body["id"], id);
    assert.equal((await get(url)).items.length, 1);
  });

  test("keys belong to a stream", async (t) => {
    const { url } = await listen(t);
    assert.equal((await postRaw(url, "1", { key: "k", stream: "a" })).status, 201);
    assert.equal((await postRaw(url, "2", { key: "k", stream: "b" })).status, 201);
  });

  for (const data of [`"CLOSE"`, `"SHUTDOWN"`, ` \n\t"CLOSE" \r\n`, `"\\u0043LOSE"`, `"SHUT\\u0044OWN"`]) {
    test(`refuses the protocol's own words: ${JSON.stringify(data)}`, async (t) => {
      const { url } = await listen(t);
      const [status, body] = await refusal(postRaw(url, data));
      assert.equal(status, 422);
      assert.equal(body["code"], "reserved");
      assert.deepEqual((await get(url)).items, []);
    });
  }

  for (const data of [`"close"`, `" CLOSE"`, `["CLOSE"]`, `{"CLOSE":"SHUTDOWN"}`]) {
    test(`takes what only resembles them: ${data}`, async (t) => {
      const { url } = await listen(t);
      assert.equal((await postRaw(url, data)).status, 201);
    });
  }

  test("takes an item of exactly the limit, and none of a byte more", async (t) => {
    const { url } = await listen(t, { maxItemBytes: 100 });
    const fits = JSON.stringify("x".repeat(98));
    assert.equal((await postRaw(url, fits)).status, 201);
    const [status, body] = await refusal(postRaw(url, `${fits} `));
    assert.equal(status, 413);
    assert.equal(body["code"], "too_large");
    // Counted in bytes: each of these characters is two.
    assert.equal((await postRaw(url, JSON.stringify("é".repeat(50)))).status, 413);
  });

  test("refuses what is no JSON, in every type", async (t) => {
    const { url } = await listen(t);
    for (const body of ["{", "CLOSE", "{'a':1}", "", "  ", "1 2", "\ufeff1", "NaN"]) {
      const [status, answer] = await refusal(postRaw(url, body));
      assert.deepEqual([status, answer["code"]], [400, "invalid_request"], JSON.stringify(body));
    }
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/xml"]) {
      for (const body of ["CLOSE", `"fine"`]) {
        const [status, answer] = await refusal(postRaw(url, body, { type }));
        assert.deepEqual([status, answer["code"]], [415, "unsupported_media_type"], `${type} ${body}`);
      }
    }
    assert.deepEqual((await get(url)).items, []);
  });

  test("refuses a request without a body", async (t) => {
    const { url } = await listen(t);
    const [status, body] = await refusal(fetch(`${url}/items`, { method: "POST" }));
    assert.deepEqual([status, body["code"]], [400, "invalid_request"]);
  });

  test("refuses bytes that are no UTF-8 instead of replacing them", async (t) => {
    const { url, port } = await listen(t);
    const bytes = Buffer.from([0x22, 0xff, 0x22]);
    const [status, body] = await refusal(postRaw(url, bytes));
    assert.deepEqual([status, body["code"]], [400, "invalid_request"]);
    // In chunks there is no length that would give it away.
    const socket = await rawConnection(t, port);
    socket.write("POST /items HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
    socket.write("transfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\n");
    socket.write(bytes);
    socket.write("\r\n0\r\n\r\n");
    assert.match(await text(socket), /^HTTP\/1\.1 400 [\s\S]*"code":"invalid_request"/);
    assert.deepEqual((await get(url)).items, []);
  });

  test("refuses what is no stream's name and what is no key", async (t) => {
    const { url } = await listen(t);
    for (const stream of ["", " ", "-a", ".a", "a/b", "ä", "a".repeat(65), "main\n"]) {
      const [status, body] = await refusal(postRaw(url, "1", { stream }));
      assert.deepEqual([status, body["code"]], [400, "invalid_request"], JSON.stringify(stream));
    }
    for (const key of ["", "k".repeat(201)]) {
      assert.equal((await postRaw(url, "1", { key })).status, 400);
    }
    assert.equal((await postRaw(url, "1", { stream: "a".repeat(64), key: "k".repeat(200) })).status, 201);
  });

  test("refuses one stream too many, and goes on serving those there are", async (t) => {
    const { url } = await listen(t, { journal: memory({ maxStreams: 1 }) });
    await post(url, "1", "a");
    const [status, body] = await refusal(postRaw(url, "1", { stream: "b" }));
    assert.deepEqual([status, body["code"]], [429, "too_many_streams"]);
    await post(url, "2", "a");
  });

  test("says when the journal cannot be reached", async (t) => {
    const journal = memory();
    const { url } = await listen(t, { journal });
    await journal.close();
    const [status, body] = await refusal(postRaw(url, "1"));
    assert.deepEqual([status, body["code"]], [503, "journal_unavailable"]);
  });

  test("tells nobody what went wrong inside, but the log", async (t) => {
    const append = () => Promise.reject(new Error("EACCES /etc/secret"));
    const { url, log } = await listen(t, { journal: altered(memory(), { append }) });
    const [status, body] = await refusal(postRaw(url, "1"));
    assert.equal(status, 500);
    assert.deepEqual(body, { code: "internal", message: "something went wrong on the server" });
    const { err } = await log.line("Request failed");
    assert.match(JSON.stringify(err), /EACCES/);
  });
});

describe("an item's data", () => {
  for (const data of [
    `{"a" : 1.0, "b":1e3}`,
    `{"ä":"Ω 😀","e":"\\u00e9\\ud83d\\ude00"}`,
    `[1,\n 2\t]`,
    `{"a":1,"a":2}`,
    `{"__proto__":{"x":1},"constructor":{"prototype":{}}}`,
    `12345678901234567890.000`,
    `null`,
  ]) {
    test(`comes back byte for byte: ${JSON.stringify(data)}`, async (t) => {
      const { url, ws } = await listen(t);
      const live = await TextClient.connect(t, ws);
      const id = await post(url, data);
      const body = await (await fetch(`${url}/items`)).text();
      const { at } = (JSON.parse(body) as Items).items[0] ?? assert.fail(body);
      assert.equal(body, `{"items":[{"id":"${id}","at":${at},"data":${data}}],"cursor":"${id}"}`);
      assert.deepEqual(await live.atLeast(1), [data]);
      const replayed = await TextClient.connect(t, `${ws}?after=oldest`);
      assert.deepEqual(await replayed.atLeast(1), [data]);
    });
  }

  test("that is a string is the bare string on a text socket", async (t) => {
    const { url, ws } = await listen(t);
    const client = await TextClient.connect(t, ws);
    for (const data of [`"plain"`, ` "with \\"quotes\\" and \\u00e9" `, `""`, `"\\"CLOSE\\""`]) await post(url, data);
    assert.deepEqual(await client.atLeast(4), ["plain", `with "quotes" and é`, "", `"CLOSE"`]);
  });
});

describe("GET /items", () => {
  test("gives pages that follow each other without a hole", async (t) => {
    const { url } = await listen(t);
    const before = Date.now();
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.push(await post(url, `{"i":${i}}`));
    const seen: Items["items"][number][] = [];
    let cursor = "oldest";
    for (const size of [3, 3, 1, 0]) {
      const page = await get(url, `?after=${cursor}&limit=3`);
      assert.equal(page.items.length, size);
      seen.push(...page.items);
      cursor = page.cursor;
    }
    assert.deepEqual(
      seen.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(
      seen.map(({ data }) => data),
      ids.map((_, i) => ({ i })),
    );
    for (const { at } of seen) assert.ok(at >= before && at <= Date.now());
    assert.equal(cursor, ids.at(-1));
    const later = await post(url, `"later"`);
    assert.deepEqual(
      (await get(url, `?after=${cursor}`)).items.map(({ id }) => id),
      [later],
    );
  });

  test("without `after` it gives the oldest, 100 at a time", async (t) => {
    const journal = memory();
    const { url } = await listen(t, { journal });
    const items = Array.from({ length: 101 }, (_, i) => ({ publisher: "p", key: `${i}`, data: `${i}` }));
    await journal.append("main", items);
    const page = await get(url);
    assert.equal(page.items.length, 100);
    assert.equal(page.items[0]?.data, 0);
    assert.equal((await get(url, "?limit=1000")).items.length, 101);
    assert.deepEqual(await get(url, "?after=oldest"), page);
  });

  test("`now` stands for the head, and an empty stream has a cursor too", async (t) => {
    const { url } = await listen(t);
    const empty = await get(url, "?after=now");
    assert.deepEqual(empty.items, []);
    assert.ok(isId(empty.cursor));
    const id = await post(url, "1");
    assert.deepEqual(
      (await get(url, `?after=${empty.cursor}`)).items.map((item) => item.id),
      [id],
    );
    assert.deepEqual(await get(url, "?after=now"), { items: [], cursor: id });
  });

  test("an answer with large items has fewer than asked for, and the cursor leads on to the rest", async (t) => {
    const { app, url } = await listen(t);
    const publications = Array.from({ length: 200 }, (_, n) => ({
      stream: "main",
      publisher: "test",
      data: JSON.stringify(`${n} ${"x".repeat(50_000)}`),
    }));
    await app.lastcall.publisher.publishAll(publications);
    const read: unknown[] = [];
    let page = await get(url, "?limit=1000");
    assert.ok(page.items.length < 100, `${page.items.length} items of 50 KB in one answer`);
    for (; page.items.length > 0; page = await get(url, `?after=${page.cursor}&limit=1000`)) {
      read.push(...page.items.map(({ data }) => data));
    }
    assert.deepEqual(
      read,
      publications.map(({ data }) => JSON.parse(data)),
    );
  });

  test("refuses limits out of bounds and positions that are none", async (t) => {
    const { url } = await listen(t);
    for (const query of ["limit=0", "limit=1001", "limit=-1", "limit=1.5", "limit=x", "limit=", "limit=Infinity"]) {
      const [status, body] = await refusal(fetch(`${url}/items?${query}`));
      assert.deepEqual([status, body["code"]], [400, "invalid_request"], query);
    }
    for (const after of [
      "",
      "1",
      "newest",
      "1-",
      "01-abcdefgh",
      "-1-abcdefgh",
      "1-ABCDEFGH",
      "1-abcdefgh\n",
      "x".repeat(500),
    ]) {
      const [status, body] = await refusal(fetch(`${url}/items?after=${encodeURIComponent(after)}`));
      assert.deepEqual([status, body["code"]], [400, "invalid_request"], after);
      assert.equal(body["after"], after.slice(0, 80));
    }
    const [status, body] = await refusal(fetch(`${url}/items?stream=a/b`));
    assert.deepEqual([status, body["code"]], [400, "invalid_request"]);
  });

  test("tells a cursor that was trimmed, and where to go on", async (t) => {
    const { url } = await listen(t, { journal: memory({ retentionItems: 2 }) });
    const ids: string[] = [];
    for (let i = 0; i < 4; i += 1) ids.push(await post(url, `${i}`));
    const [status, body] = await refusal(fetch(`${url}/items?after=${ids[0]}`));
    assert.equal(status, 410);
    assert.deepEqual([body["code"], body["reason"], body["cursor"]], ["gap", "trimmed", ids[1]]);
    assert.deepEqual(
      (await get(url, `?after=${body["cursor"]}`)).items.map(({ id }) => id),
      ids.slice(2),
    );
  });

  test("tells a cursor of a journal that was replaced, and goes on at the head", async (t) => {
    const { url } = await listen(t);
    const head = await post(url, "1");
    for (const cursor of ["1-00000000", "9-00000000"]) {
      const [status, body] = await refusal(fetch(`${url}/items?after=${cursor}`));
      assert.equal(status, 410);
      assert.deepEqual([body["code"], body["reason"], body["cursor"]], ["gap", "replaced", head]);
    }
  });

  test("streams do not mix", async (t) => {
    const { url } = await listen(t);
    await post(url, `"a"`, "a");
    await post(url, `"b"`, "b");
    assert.deepEqual(
      (await get(url, "?stream=a")).items.map(({ data }) => data),
      ["a"],
    );
    assert.deepEqual(
      (await get(url, "?stream=b")).items.map(({ data }) => data),
      ["b"],
    );
    assert.deepEqual((await get(url)).items, []);
  });

  test("HEAD answers without a body", async (t) => {
    const { url } = await listen(t);
    const response = await fetch(`${url}/items`, { method: "HEAD" });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), "");
    assert.ok(Number(response.headers.get("content-length")) > 0);
  });
});
