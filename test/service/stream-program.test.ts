import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { WebSocketServer } from "ws";
import { NodeWebSocket } from "../../src/service/node-websocket.js";
import { parseServerUrl } from "../../src/service/server-url.js";
import { runStreamClient } from "../../src/service/stream-program.js";
import { altered, listen, memory, post, QUICK } from "../server/kit.js";
import { Watch } from "../support/watch.js";

/** The program with its lines, without their time. */
class Run {
  readonly lines: string[] = [];
  readonly abort = new AbortController();
  readonly ended: Promise<void>;
  readonly sockets: NodeWebSocket[] = [];
  target: string;
  readonly #watch = new Watch();

  constructor(url: string) {
    this.target = url;
    const here = () => this.target;
    const made = (socket: NodeWebSocket) => this.sockets.push(socket);
    this.ended = runStreamClient(parseServerUrl(url), {
      signal: this.abort.signal,
      random: () => 0.01,
      WebSocket: class extends NodeWebSocket {
        constructor(_url: string, protocols?: string | string[]) {
          super(here(), protocols);
          made(this);
        }
      },
      log: (line) => {
        assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /);
        this.lines.push(line.slice(25));
        this.#watch.changed();
      },
    });
  }

  async line(start: string): Promise<string> {
    return await this.#watch.until(() => this.lines.find((line) => line.startsWith(start)));
  }
}

/** Made before the servers, which are closed in the order they were made in. */
function stopped(t: TestContext): (run: Run) => Run {
  const runs: Run[] = [];
  t.after(async () => {
    for (const run of runs) run.abort.abort();
    await Promise.allSettled(runs.map(({ ended }) => ended));
  });
  return (run) => {
    runs.push(run);
    return run;
  };
}

const limit = { timeout: 20_000 };

test("items with their ids, a hand-over, and the end", limit, async (t) => {
  const keep = stopped(t);
  const journal = memory();
  const own = altered(journal, { close: async () => {} });
  const one = await listen(t, { journal: own, name: "one", version: "1.0.0" });
  const two = await listen(t, { journal: own, name: "two", version: "1.1.0", budget: QUICK });
  const ids = [await post(one.url, '"first\\nline"', "other"), await post(one.url, '{"a":1}', "other")];
  const run = keep(new Run(`${one.ws}?stream=other&after=oldest`));
  run.target = one.ws;
  await run.line(`Received ${ids[1]}`);
  run.target = two.ws;
  const drained = one.app.lastcall.drain.start({ type: "request" });
  await run.line("Handed over");
  ids.push(await post(two.url, "3", "other"));
  await run.line(`Received ${ids[2]}`);
  run.abort.abort();
  await run.ended;
  assert.equal((await drained).outcome, "clean");
  const told = run.lines.filter((line) => line.startsWith("one is shutting down"));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /: next connection in [\d.]+ seconds, it closes in [\d.]+ seconds$/);
  assert.deepEqual(
    run.lines.filter((line) => !told.includes(line)),
    [
      `Connecting to ${one.ws}`,
      "Connected to one (1.0.0)",
      `Received ${ids[0]}: first\\u000aline`,
      `Received ${ids[1]}: {"a":1}`,
      "Handed over to two (1.1.0)",
      `Received ${ids[2]}: 3`,
      "Closing",
      `Closed: 2 connections, 3 received, 0 gaps, cursor ${ids[2]}`,
    ],
  );
});

test("a gap, a connection that is lost, and the next", limit, async (t) => {
  const keep = stopped(t);
  const host = await listen(t, { journal: memory({ retentionItems: 1 }), name: "one", version: "1.0.0" });
  const first = await post(host.url, "1");
  for (const data of ["2", "3"]) await post(host.url, data);
  const run = keep(new Run(`${host.ws}?after=${first}`));
  run.target = host.ws;
  const gap = await run.line("Gap");
  assert.match(gap, new RegExp(`^Gap \\(trimmed\\): what followed ${first} is gone, it goes on after 2-[0-9a-z]{8}$`));
  await run.line("Received 3-");
  run.sockets[0]?.terminate();
  await run.line("No connection (lost): close code 1006");
  await run.line("Reconnecting in 0 seconds...");
  await post(host.url, "4");
  await run.line("Received 4-");
});

test("what is refused for good ends it with that", limit, async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  t.after(() => server.close());
  server.on("connection", (socket) => socket.close(4403, "not you"));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const run = new Run(`ws://user:secret@127.0.0.1:${address.port}`);
  await assert.rejects(run.ended, { code: "forbidden", message: "close code 4403, not you" });
  assert.equal(run.lines[0], `Connecting to ws://***@127.0.0.1:${address.port}/ws`);
});

test("a signal that came before the start leaves nothing to do", async () => {
  const lines: string[] = [];
  const signal = AbortSignal.abort();
  await runStreamClient(new URL("ws://127.0.0.1:1/ws"), { signal, log: (line) => lines.push(line) });
  assert.deepEqual(lines, []);
});
