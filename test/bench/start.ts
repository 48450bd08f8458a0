/** From spawn to the first 200 on /health. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { alternating, markdownTable, median, ratio, spread, verdict } from "./report.js";
import { type ServerSpec, startServer } from "./server.js";
import { benchArguments, bundle, fastifyDefaults, lastcall, unbundled } from "./subjects.js";

const GOAL_MS = 220;
const { rounds, peersOnly } = benchArguments({ clients: 1, rounds: 11 });

/** The least that answers: what Node itself takes. */
const FLOOR = 'require("node:http").createServer((q, r) => r.end("ok")).listen(+process.env.PORT, "127.0.0.1")';

const subject = (server: ServerSpec) => ({ server, ms: new Array<number>() });

/** The bundle in a folder of its own, without V8's code cache. Throws when there was none to leave out. */
function withoutCache() {
  const folder = mkdtempSync(join(tmpdir(), "lastcall-bench-bundle-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  let left = 0;
  const isCode = (file: string) => {
    if (!file.endsWith(".cache")) return true;
    left += 1;
    return false;
  };
  cpSync(dirname(bundle), folder, { recursive: true, filter: isCode });
  if (left === 0) throw new Error(`no code cache in ${dirname(bundle)}: npm run build`);
  const { command, ...rest } = lastcall();
  const copied = command.map((part) => (part === bundle ? join(folder, basename(bundle)) : part));
  return subject({ ...rest, command: copied, name: "lastcall, bundle without code cache" });
}

const ours = peersOnly ? undefined : subject(lastcall());
const floor = subject({ name: "bare `node:http`", command: [process.execPath, "-e", FLOOR] });
const subjects = [
  ...(ours ? [ours, withoutCache(), subject(unbundled())] : []),
  subject({ ...fastifyDefaults(), name: "Fastify + @fastify/websocket, unbundled" }),
  floor,
];

await alternating(rounds, subjects, async ({ server, ms }) => {
  const running = await startServer(server, "/health");
  ms.push(running.startedInMs);
  await running.stop("SIGKILL", null);
});

console.log(`### Start: spawn to first 200 on /health (milliseconds, ${rounds} rounds)\n`);
console.log(
  markdownTable(
    ["server", "median (min to max)", "to bare Node"],
    subjects.map(({ server, ms }) => [server.name, spread(ms, 0), ratio(ms, floor.ms)]),
  ),
);
if (ours) console.log(`\n${verdict("lastcall", median(ours.ms), GOAL_MS, "ms", 0)}`);
