import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { Publisher } from "../../src/rehearsal/publisher.js";
import { context, RUN } from "./kit.js";

interface Post {
  readonly key: string;
  readonly data: { readonly publisher: string; readonly n: number; readonly sentinel?: boolean; readonly pad?: string };
}

type Answer = (post: Post, response: ServerResponse, request: IncomingMessage) => void;

/** A service that takes items, and a publisher with one due every 20 ms. */
async function scene(t: TestContext, answer: Answer) {
  const posts: Post[] = [];
  const server = createServer(async (request, response) => {
    const post = { key: String(request.headers["idempotency-key"]), data: (await json(request)) as Post["data"] };
    posts.push(post);
    answer(post, response, request);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/items`);
  const shared = context();
  const options = { name: "p1", run: RUN, url, everyMs: 20, firstAt: shared.now(), padBytes: 3 };
  const publisher = new Publisher(shared, options);
  t.after(() => {
    publisher.close();
    server.closeAllConnections();
    server.close();
  });
  return { posts, publisher, context: shared };
}

function acked(n: number, response: ServerResponse, status = 201): void {
  response.writeHead(status).end(JSON.stringify({ id: `${n}-aaaaaaaa` }));
}

test("items follow each other, numbered densely, each sent again with its key until it is answered", async (t) => {
  const [stop, abort] = [new AbortController(), new AbortController()];
  const { posts, publisher, context } = await scene(t, ({ data: { n } }, response, request) => {
    const attempts = posts.filter(({ data }) => data.n === n).length;
    if (n === 2 && attempts === 1) response.writeHead(503).end();
    else if (n === 3 && attempts === 1) request.socket.resetAndDestroy();
    else acked(n, response, n === 3 ? 200 : 201);
    if (n === 4) stop.abort();
  });
  await publisher.run(stop.signal, abort.signal);
  const sentinel = await publisher.sentinel(abort.signal);

  assert.deepEqual(
    posts.map(({ data: { n } }) => n),
    [1, 2, 2, 3, 3, 4, 5],
  );
  assert.deepEqual(
    [...new Set(posts.map(({ key }) => key))],
    [1, 2, 3, 4, 5].map((n) => `${RUN}/p1/${n}`),
  );
  assert.deepEqual(
    posts.map(({ data: { sentinel } }) => sentinel ?? false),
    [...Array(6).fill(false), true],
  );
  assert.ok(posts.every(({ data: { pad } }) => pad === "xxx"));
  assert.deepEqual(sentinel, { publisher: "p1", n: 5 });
  assert.deepEqual(
    publisher.published.map(({ n, attempts }) => [n, attempts]),
    [
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 1],
      [5, 1],
    ],
  );
  const outcomes = publisher.published.map(({ outcome }) => outcome.type === "acked" && [outcome.id, outcome.known]);
  assert.deepEqual(
    outcomes,
    [1, 2, 3, 4, 5].map((n) => [`${n}-aaaaaaaa`, n === 3]),
  );
  assert.equal(publisher.acked, 5);
  assert.deepEqual(context.troubles, []);
});

test("the schedule goes on while an answer is awaited: what is late is known to be late", async (t) => {
  const [stop, abort] = [new AbortController(), new AbortController()];
  const { publisher } = await scene(t, ({ data: { n } }, response) => {
    if (n === 5) stop.abort();
    if (n === 1) setTimeout(() => acked(n, response), 100);
    else acked(n, response);
  });
  await publisher.run(stop.signal, abort.signal);
  const [first] = publisher.published;
  assert.deepEqual(
    publisher.published.map(({ dueAt }) => Math.round(dueAt - (first?.dueAt ?? 0))),
    [0, 20, 40, 60, 80],
  );
  assert.ok(publisher.published.slice(1).every(({ sentAt, dueAt }) => sentAt - dueAt >= 15));
});

test("what the service refuses for good is given up, and is a trouble", async (t) => {
  const { publisher, context } = await scene(t, (_, response) => void response.writeHead(404).end("no such route"));
  await publisher.run(new AbortController().signal, new AbortController().signal);
  assert.deepEqual(
    publisher.published.map(({ outcome }) => outcome),
    [{ type: "unacked", why: "404 no such route" }],
  );
  assert.deepEqual(context.troubles, ["p1 cannot publish: 404 no such route"]);
});

test("what is under way when it is dropped stays unacked", async (t) => {
  const [stop, abort] = [new AbortController(), new AbortController()];
  const { publisher, context } = await scene(t, () => abort.abort());
  await publisher.run(stop.signal, abort.signal);
  assert.deepEqual(
    publisher.published.map(({ outcome }) => outcome),
    [{ type: "unacked", why: "interrupted" }],
  );
  assert.deepEqual(context.troubles, []);
});
