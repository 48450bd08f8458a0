/**
 * Resident memory for each idle connection: the process before and after 10,000 of them, with no flags and no forced
 * collection. The kernel's socket buffers are not in it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Subscription, subscribe } from "./fan.js";
import { residentBytes } from "./machine.js";
import { alternating, markdownTable, median, ratio, spread, verdict } from "./report.js";
import { type ServerSpec, startServer } from "./server.js";
import { benchArguments, fastifyDefaults, lastcall, wsBroadcast } from "./subjects.js";

const GOAL_KB = 6;
const SETTLED_BYTES = 64 * 1024;
const SETTLE_LIMIT = 10;
const { clients, rounds, peersOnly } = benchArguments({ clients: 10_000, rounds: 3 });

const text: Subscription = { path: "/ws" };
const v1: Subscription = { path: "/ws", protocol: "lastcall.v1", say: '{"type":"start"}' };
const events: Subscription = { path: "/events", wire: "sse" };

const subject = (server: ServerSpec, { name = server.name, subscription = text } = {}) => ({
  name,
  server,
  subscription,
  kilobytes: new Array<number>(),
  idleMegabytes: new Array<number>(),
});
const ours = peersOnly
  ? []
  : [
      subject(lastcall(), { name: "lastcall, text" }),
      subject(lastcall(), { name: "lastcall, `lastcall.v1`", subscription: v1 }),
      subject(lastcall(), { name: "lastcall, SSE", subscription: events }),
    ];
const peer = subject(wsBroadcast());
const subjects = [...ours, peer, subject(fastifyDefaults())];

/** Resident bytes once they stand still: two readings a second apart that agree, or the last of ten. */
async function settled(pid: number): Promise<number> {
  let before = residentBytes(pid);
  for (let reading = 0; reading < SETTLE_LIMIT; reading++) {
    await delay(1000);
    const now = residentBytes(pid);
    if (Math.abs(now - before) < SETTLED_BYTES) return now;
    before = now;
  }
  return before;
}

await alternating(rounds, subjects, async ({ server, subscription, kilobytes, idleMegabytes }) => {
  const running = await startServer(server, "/ready");
  const before = await settled(running.pid);
  const load = await subscribe(running.port, clients, subscription);
  const after = await settled(running.pid);
  idleMegabytes.push(before / 1024 / 1024);
  kilobytes.push((after - before) / 1024 / clients);
  load.say("stop");
  await load.ended;
  await running.stop("SIGKILL", null);
});

console.log(`### Memory: resident KB for each of ${clients} idle connections (${rounds} rounds)\n`);
console.log(
  markdownTable(
    ["server", "median (min to max)", "to `ws`", "process without connections, MB"],
    subjects.map(({ name, kilobytes, idleMegabytes }) => [
      name,
      spread(kilobytes, 1),
      ratio(kilobytes, peer.kilobytes),
      median(idleMegabytes).toFixed(0),
    ]),
  ),
);
const [first] = ours;
if (first) console.log(`\n${verdict(first.name, median(first.kilobytes), GOAL_KB, "KB", 1)}`);
