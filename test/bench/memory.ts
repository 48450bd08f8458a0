/**
 * Resident memory for each idle connection: the process before and after 10,000 of them, with no flags and no forced
 * collection. The kernel's socket buffers are not in it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { startLoad } from "./load.js";
import { residentBytes } from "./machine.js";
import { alternating, markdownTable, median, ratio, spread, verdict } from "./report.js";
import { type ServerSpec, startServer } from "./server.js";
import { benchArguments, FINALS, fastifyDefaults, lastcall, wsBroadcast } from "./subjects.js";

const GOAL_KB = 6;
const SETTLED_BYTES = 64 * 1024;
const SETTLE_LIMIT = 10;
const { clients, rounds, peersOnly } = benchArguments({ clients: 10_000, rounds: 3 });

const subject = (server: ServerSpec) => ({
  server,
  kilobytes: new Array<number>(),
  idleMegabytes: new Array<number>(),
});
const ours = peersOnly ? undefined : subject(lastcall());
const peer = subject(wsBroadcast());
const subjects = [...(ours ? [ours] : []), peer, subject(fastifyDefaults())];

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

await alternating(rounds, subjects, async ({ server, kilobytes, idleMegabytes }) => {
  const running = await startServer(server, "/ready");
  const before = await settled(running.pid);
  const load = await startLoad(running.port, clients, FINALS);
  const after = await settled(running.pid);
  idleMegabytes.push(before / 1024 / 1024);
  kilobytes.push((after - before) / 1024 / clients);
  await running.stop("SIGKILL", null);
  await load.done;
});

console.log(`### Memory: resident KB for each of ${clients} idle connections (${rounds} rounds)\n`);
console.log(
  markdownTable(
    ["server", "median (min to max)", "to `ws`", "process without connections, MB"],
    subjects.map(({ server, kilobytes, idleMegabytes }) => [
      server.name,
      spread(kilobytes, 1),
      ratio(kilobytes, peer.kilobytes),
      median(idleMegabytes).toFixed(0),
    ]),
  ),
);
if (ours) console.log(`\n${verdict("lastcall", median(ours.kilobytes), GOAL_KB, "KB", 1)}`);
