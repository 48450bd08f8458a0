/** Publishes acknowledged a second, each of them in the journal by then, with many outstanding. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DURABLE, RedisServer } from "../support/redis.js";
import { compile, processorMs, syncMs } from "./machine.js";
import { startProgram, words } from "./program.js";
import { alternating, atLeast, markdownTable, median, ratio, spread } from "./report.js";
import { type ServerSpec, startServer } from "./server.js";
import { benchArguments, lastcall, publishSocketIo, publishWs } from "./subjects.js";

const GOAL = 20_000;
const WAITERS = [256, 1_024] as const;
const SETTLE_MS = 1_000;
const WINDOW_MS = 3_000;
const { clients, rounds, peersOnly } = benchArguments({ clients: 16, rounds: 3 });
const program = compile("publish");

/** A server with what it stores in, made anew for each round. */
interface Stand {
  readonly server: ServerSpec;
  /** Of the database's process, if it has one; it runs on the load's core. */
  readonly database?: number | undefined;
  remove(): Promise<void> | void;
}

/** One window, as the publishers saw it. */
interface WindowReport {
  readonly event: "window";
  readonly ms: number;
  readonly acked: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
}

interface Stopped {
  readonly event: "stopped";
  readonly acked: number;
  /** The highest number of an id; no id was given twice, so it tells whether there are holes. */
  readonly highest: number;
}

interface Measured {
  readonly acked: number;
  readonly p99Ms: number;
  /** CPU time, as shares of a core. */
  readonly serverShare: number;
  readonly databaseShare: number | undefined;
  readonly loadShare: number;
}

interface Subject {
  readonly name: string;
  readonly stand: () => Promise<Stand> | Stand;
  readonly wire: Readonly<Record<string, string>>;
  readonly goal: boolean;
  /** By the number of waiters. */
  readonly measured: Map<number, Measured[]>;
}

const V1 = { path: "/ws", protocol: "lastcall.v1" };
const SOCKETIO = { path: "/socket.io/?EIO=4&transport=websocket", wire: "socketio" };

function subject(name: string, stand: Subject["stand"], { wire = V1, goal = false }: Partial<Subject> = {}): Subject {
  return { name, stand, wire, goal, measured: new Map(WAITERS.map((waiters) => [waiters, []])) };
}

function onLmdb(): Stand {
  const folder = mkdtempSync(join(tmpdir(), "lastcall-bench-"));
  return { server: lastcall(`lmdb:${folder}`), remove: () => rmSync(folder, { recursive: true }) };
}

let redis: RedisServer | undefined;
process.once("exit", () => void redis?.kill());

async function onRedis(args: readonly string[]): Promise<Stand> {
  const own = await RedisServer.start(args);
  redis = own;
  return { server: lastcall(own.url), database: own.pid, remove: () => own.remove() };
}

const EVERY_SECOND = ["--appendonly", "yes", "--appendfsync", "everysec"];
const ours = peersOnly
  ? []
  : [
      subject("lastcall, LMDB", onLmdb, { goal: true }),
      subject("lastcall, Redis, `appendfsync always`", () => onRedis(DURABLE), { goal: true }),
      subject("lastcall, Redis, `appendfsync everysec`", () => onRedis(EVERY_SECOND), { goal: true }),
      subject("lastcall, memory", () => ({ server: lastcall(), remove: () => {} })),
    ];
const peer = subject("plain `ws`, into an array", () => ({ server: publishWs(), remove: () => {} }));
const socketIo = subject(
  "Socket.IO, `emitWithAck`, into an array",
  () => ({ server: publishSocketIo(), remove: () => {} }),
  { wire: SOCKETIO },
);
const subjects = [...ours, peer, socketIo];

await alternating(rounds, subjects, async (one) => {
  const stand = await one.stand();
  try {
    await round(one, stand);
  } finally {
    await stand.remove();
  }
});

async function round({ name, wire, measured }: Subject, { server, database }: Stand): Promise<void> {
  const running = await startServer(server, name.startsWith("lastcall") ? "/ready" : "/");
  let acked = 0;
  for (const [run, waiters] of WAITERS.entries()) {
    const { port } = running;
    const load = startProgram([program, ...words({ port, waiters, connections: clients, run: run + 1, ...wire })]);
    await load.next<{ event: "connected" }>("connected");
    await delay(SETTLE_MS);
    const before = {
      at: performance.now(),
      server: processorMs(running.pid),
      database: database && processorMs(database),
    };
    load.say("begin");
    await delay(WINDOW_MS);
    load.say("end");
    const window = await load.next<WindowReport>("window");
    const ms = performance.now() - before.at;
    const share = (pid: number, from: number) => (processorMs(pid) - from) / ms;
    measured.get(waiters)?.push({
      acked: (window.acked / window.ms) * 1_000,
      p99Ms: window.p99Ms,
      serverShare: share(running.pid, before.server),
      databaseShare: database && share(database, before.database ?? 0),
      loadShare: window.cpuMs / window.ms,
    });
    load.say("stop");
    const stopped = await load.next<Stopped>("stopped");
    await load.ended;
    acked += stopped.acked;
    if (stopped.highest !== acked) throw new Error(`${name}: ${acked} acknowledged, the last id is ${stopped.highest}`);
  }
  await running.stop("SIGKILL", null);
}

const of = ({ measured }: Subject, waiters: number, read: (one: Measured) => number | undefined): readonly number[] =>
  (measured.get(waiters) ?? []).map(read).filter((value) => value !== undefined);
const rates = (one: Subject, waiters: number) => of(one, waiters, ({ acked }) => acked);
const percent = (values: readonly number[]): string =>
  values.length === 0 ? "" : `${(median(values) * 100).toFixed(0)} %`;

console.log(`### Publish: acknowledged a second, items of 120 bytes, ${clients} connections (${rounds} rounds)\n`);
console.log(
  markdownTable(
    [
      "server",
      ...WAITERS.flatMap((waiters) => [`${waiters} outstanding`, "to `ws`", "p99, ms"]),
      "server's core",
      "Redis",
      "load",
    ],
    subjects.map((one) => [
      one.name,
      ...WAITERS.flatMap((waiters) => [
        spread(rates(one, waiters), 0),
        ratio(rates(one, waiters), rates(peer, waiters)),
        spread(
          of(one, waiters, ({ p99Ms }) => p99Ms),
          1,
        ),
      ]),
      ...[
        ({ serverShare }: Measured) => serverShare,
        ({ databaseShare }: Measured) => databaseShare,
        ({ loadShare }: Measured) => loadShare,
      ].map((read) => percent(of(one, WAITERS[1], read))),
    ]),
  ),
);
console.log(
  `\nShares of a core are those at ${WAITERS[1]} outstanding. ${tmpdir()}, where LMDB and Redis store: a write`,
);
console.log(`of 4 KB and its fdatasync take ${syncMs(tmpdir()).toFixed(2)} ms there (median of 100).`);
for (const one of ours.filter(({ goal }) => goal)) {
  console.log(atLeast(`${one.name}, acknowledged a second`, median(rates(one, WAITERS[1])), GOAL, "", 0));
}
