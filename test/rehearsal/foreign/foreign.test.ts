import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { Server } from "socket.io";
import { until } from "../../../src/rehearsal/context.js";
import { findingsOf } from "../../../src/rehearsal/ledger.js";
import { PlainObserver } from "../../../src/rehearsal/observe-plain.js";
import { DEFAULTS, LOCAL_DEFAULTS, type RehearsalOptions } from "../../../src/rehearsal/options.js";
import { silent } from "../../../src/rehearsal/progress-port.js";
import { ownUrl } from "../../../src/rehearsal/urls.js";
import { rehearse } from "../../../src/rehearsal.js";
import { RedisServer } from "../../support/redis.js";
import { context, watching } from "../kit.js";
import { services } from "./services.js";
import * as socketio from "./socketio-adapter.js";

const never = new AbortController().signal;

/** The comparison's own arguments, for a stage that is over soon. */
function options(args: readonly string[]): RehearsalOptions {
  const after = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const [file = "", ...rest] = args.slice(args.indexOf("--") + 1);
  const [name = "", value = ""] = (after("--env") ?? "").split(/=(.*)/s);
  const adapter = after("--adapter");
  return {
    ...DEFAULTS,
    stage: {
      ...LOCAL_DEFAULTS,
      ...{ replicas: 2, preStopMs: 500, lagMs: 300, graceMs: 20_000 },
      ...{ program: [file, ...rest], env: { [name]: value } },
    },
    ...{ clients: 4, protocols: [adapter === undefined ? "text" : "adapter"], adapter, steadyMs: 300 },
  };
}

describe("a foreign service is started, rolled and judged:", { concurrency: 2 }, () => {
  for (const [i, { name, args }] of services("").entries()) {
    // Nothing foreign.
    if (!args.includes("--")) continue;
    test(name, async (t) => {
      const redis = await RedisServer.start();
      t.after(() => redis.remove());
      const run = await rehearse(options(services(redis.url)[i]?.args ?? []), silent, never);
      assert.deepEqual(run.troubles, []);
      const findings = findingsOf(run, { requestsJudged: true });
      assert.deepEqual([findings.rolled, findings.notReplaced], [2, 0]);
      assert.equal(run.journal, undefined);
      for (const { sightings, name } of run.clients) {
        const given = new Set(
          sightings.flatMap((seen) => (seen.type === "item" && seen.mark ? [seen.connection] : [])),
        );
        assert.ok(given.size >= 2, `${name} was given items on ${given.size} connections`);
      }
    });
  }
});

test("a Socket.IO client comes back with what the server recovers it from", async (t) => {
  const http = createServer();
  const io = new Server(http, { connectionStateRecovery: {} });
  http.listen(0, "127.0.0.1");
  t.after(() => io.close());
  await once(http, "listening");
  const recovered: boolean[] = [];
  const emit = (n: number) => io.emit("item", { publisher: "p1", n });
  io.on("connection", (socket) => {
    recovered.push(socket.recovered);
    if (!socket.recovered) emit(1);
    // While it is away.
    socket.once("disconnect", () => emit(2));
  });
  const { port } = http.address() as AddressInfo;
  const url = ownUrl(new URL(`http://127.0.0.1:${port}`), socketio.path, "ws").href;
  const observer = new PlainObserver("client 1", url, watching(), socketio);
  t.after(() => observer.close());
  const has = async (n: number) => {
    const there = () => observer.reached({ publisher: "p1", n });
    assert.ok(await until(context(), 20_000, there, never), `item ${n}`);
  };
  await has(1);
  for (const socket of io.sockets.sockets.values()) socket.conn.close();
  await has(2);
  assert.deepEqual(recovered, [false, true]);
});
