import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ConnectOptions, connect } from "../../src/client.js";
import { settle, start, URL } from "./kit.js";
import { scripted } from "./scripted-websocket.js";

describe("an option that is not of its form is refused, by its name and bound, with what was given", () => {
  const cases: readonly (readonly [options: ConnectOptions, message: RegExp])[] = [
    [{ stream: "a/b" }, /^stream: expected 1 to 64 letters, .*, got a\/b$/],
    [{ stream: 5 as never }, /^stream: .*, got 5$/],
    [{ after: "17" as never }, /^after: expected an item's id, `oldest` or `now`, got 17$/],
    [{ after: null as never }, /^after: .*, got null$/],
    [{ buffer: 0 }, /^buffer: expected a whole number from 1 to 1,000,000, got 0$/],
    [{ buffer: 1.5 }, /^buffer: .*, got 1.5$/],
    [{ buffer: Number.NaN }, /^buffer: /],
    [{ backoff: { firstMs: 0 } }, /^backoff\.firstMs: expected a number above 0 .*, got 0$/],
    [{ backoff: { maxMs: Number.POSITIVE_INFINITY } }, /^backoff\.maxMs: /],
    [{ onGap: "ignore" as never }, /^onGap: expected a function, got string$/],
    [{ token: "secret" as never }, /^token: expected a function, got string$/],
    [{ store: { load: () => undefined } as never }, /^store\.save: expected a function, got undefined$/],
  ];
  for (const [options, message] of cases) {
    test(JSON.stringify(options), () => {
      const { WebSocket, sockets } = scripted();
      assert.throws(() => connect(URL, { WebSocket, ...options }), { code: "invalid_request", message });
      assert.equal(sockets.length, 0);
    });
  }

  test("an empty URL", () => {
    assert.throws(() => connect("", { WebSocket: scripted().WebSocket }), {
      code: "invalid_request",
      message: /^url: /,
    });
  });
});

test("a host without a WebSocket is told what to do", { skip: "WebSocket" in globalThis }, () => {
  assert.throws(() => connect(URL), { code: "invalid_request", message: /import \{ WebSocket \} from 'ws'/ });
});

describe("signal", () => {
  test("aborting is closing, and a closed client leaves no listener", async (t) => {
    const abort = new AbortController();
    let listening = 0;
    const signal = {
      get aborted() {
        return abort.signal.aborted;
      },
      addEventListener: (...args: Parameters<AbortSignal["addEventListener"]>) => {
        listening += 1;
        abort.signal.addEventListener(...args);
      },
      removeEventListener: (...args: Parameters<AbortSignal["removeEventListener"]>) => {
        listening -= 1;
        abort.signal.removeEventListener(...args);
      },
    };
    let subscribed = 0;
    const host = {
      subscribe: () => {
        subscribed += 1;
        return () => {
          subscribed -= 1;
        };
      },
    };
    const { client, read } = start(t, { signal, host });
    const reader = read();
    await settle();
    assert.deepEqual([listening, subscribed], [1, 1]);
    abort.abort();
    await reader.ended;
    assert.equal(reader.error, undefined);
    assert.deepEqual(client.status.get(), { type: "closed" });
    assert.deepEqual([listening, subscribed], [0, 0]);
  });

  test("aborted before it began: nothing is opened", async (t) => {
    const { client, script, read } = start(t, { signal: AbortSignal.abort() });
    assert.deepEqual(client.status.get(), { type: "closed" });
    await read().ended;
    assert.equal(script.sockets.length, 0);
    await client.close();
    await client.close();
  });
});

describe("status", () => {
  test("get gives the same object until it changes; subscribe's own end ends it", async (t) => {
    const { client, server, script } = start(t);
    const { get, subscribe } = client.status;
    assert.equal(get(), get());
    const seen: string[] = [];
    const stop = subscribe(({ type }) => seen.push(type));
    const twice = subscribe(({ type }) => seen.push(`${type} too`));
    server().welcome("1-aaaaaaaa");
    stop();
    twice();
    script.socket.closed(1006);
    assert.deepEqual(seen, ["open", "open too"]);
  });

  test("a listener may close the client, and end others, from inside", async (t) => {
    const { client, server } = start(t);
    const seen: string[] = [];
    client.status.subscribe(({ type }) => {
      if (type === "open") void client.close();
      stop();
    });
    const stop = client.status.subscribe(({ type }) => seen.push(type));
    client.status.subscribe(({ type }) => seen.push(`last: ${type}`));
    server().welcome("1-aaaaaaaa");
    assert.deepEqual(seen, ["last: closed"], "what is no longer so is not told");
    assert.deepEqual(client.status.get(), { type: "closed" });
    assert.deepEqual(server().did, ["close 1000"]);
  });
});
