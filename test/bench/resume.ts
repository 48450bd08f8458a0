/** Ten thousand clients that come back at once, each of them a thousand items behind: items a second until all have all. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pace, type Subscription, subscribe } from "./fan.js";
import { processorMs } from "./machine.js";
import { alternating, atLeast, markdownTable, median, ratio, spread } from "./report.js";
import { type ServerSpec, startServer } from "./server.js";
import { benchArguments, fanoutLastcall, fanoutWs } from "./subjects.js";

const GOAL = 1_000_000;
/** Items that each client has missed. */
const MISSED = 1_000;
/** Plain `ws` would take minutes for as many clients. */
const PEERS_PART = 10;
const { clients, rounds, peersOnly } = benchArguments({ clients: 10_000, rounds: 3 });

/** What the clients saw, all together. */
interface Reached {
  readonly event: "reached";
  /** From the first one's connecting to the last one's last item. */
  readonly ms: number;
  readonly disorder: number;
  readonly cpuMs: number;
}

interface Storm {
  readonly seconds: number;
  readonly itemsPerSecond: number;
  /** CPU time, as shares of a core. */
  readonly serverShare: number;
  readonly loadShare: number;
}

interface Subject {
  readonly server: ServerSpec;
  readonly clients: number;
  /** How a client that has had item 1 comes back. */
  readonly subscription: (port: number) => Promise<Subscription> | Subscription;
  readonly storms: Storm[];
}

interface Items {
  readonly cursor: string;
}

async function ask(port: number, query: string): Promise<Items> {
  const answer = await fetch(`http://127.0.0.1:${port}/items?${query}`);
  const items: unknown = await answer.json();
  if (!isItems(items)) throw new Error(`the server said ${JSON.stringify(items)}`);
  return items;
}

function isItems(value: unknown): value is Items {
  return typeof value === "object" && value !== null && "cursor" in value;
}

/** The id of item 1, once all are in the journal. */
async function cursor(port: number): Promise<string> {
  while (!(await ask(port, "after=now")).cursor.startsWith(`${MISSED + 1}-`));
  return (await ask(port, "after=oldest&limit=1")).cursor;
}

const subject = (server: ServerSpec, subscription: Subject["subscription"], part = 1): Subject => ({
  server,
  subscription,
  clients: Math.ceil(clients / part),
  storms: [],
});

const v1 = async (port: number): Promise<Subscription> => ({
  path: "/ws",
  protocol: "lastcall.v1",
  say: JSON.stringify({ type: "start", after: await cursor(port) }),
});
const text = async (port: number): Promise<Subscription> => ({ path: `/ws?after=${await cursor(port)}` });
const events = async (port: number): Promise<Subscription> => ({
  path: `/events?after=${await cursor(port)}`,
  wire: "sse",
});
const journal = mkdtempSync(join(tmpdir(), "lastcall-bench-"));
process.once("exit", () => rmSync(journal, { recursive: true, force: true }));

const ours = peersOnly
  ? []
  : [
      subject(fanoutLastcall("lastcall, `lastcall.v1`, LMDB", { journal: `lmdb:${journal}` }), v1),
      subject(fanoutLastcall("lastcall, `lastcall.v1`, memory"), v1),
      subject(fanoutLastcall("lastcall, text, memory"), text),
      subject(fanoutLastcall("lastcall, SSE, memory"), events),
    ];
const peer = subject(
  { ...fanoutWs(), name: "plain `ws`, `send` of each item" },
  () => ({ path: "/ws?after=oldest" }),
  PEERS_PART,
);
const subjects = [...ours, peer];

await alternating(rounds, subjects, async ({ server, clients, subscription, storms }) => {
  rmSync(journal, { recursive: true, force: true });
  const running = await startServer(server, "/pace");
  const { port } = await pace(running.port, `once=${MISSED + 1}`);
  const coming = await subscription(port);
  const processorBefore = processorMs(running.pid);
  const load = await subscribe(port, clients, coming, { items: MISSED, first: 2 });
  const { ms, disorder, cpuMs } = await load.next<Reached>("reached");
  const serverShare = (processorMs(running.pid) - processorBefore) / ms;
  if (disorder > 0) throw new Error(`${server.name}: ${disorder} items were not the ones awaited`);
  load.say("stop");
  await load.ended;
  storms.push({
    seconds: ms / 1_000,
    itemsPerSecond: (clients * MISSED * 1_000) / ms,
    serverShare,
    loadShare: cpuMs / ms,
  });
  await running.stop("SIGKILL", null);
});

const of = ({ storms }: Subject, read: (one: Storm) => number): readonly number[] => storms.map(read);
const rates = (one: Subject) => of(one, ({ itemsPerSecond }) => itemsPerSecond);
const percent = (values: readonly number[]): string => `${(median(values) * 100).toFixed(0)} %`;

console.log(`### Resume: clients that come back at once, each to ${MISSED} items of 120 bytes (${rounds} rounds)\n`);
console.log(
  markdownTable(
    ["server", "clients", "million items/s", "to `ws`", "seconds until all had all", "server's core", "load's core"],
    subjects.map((one) => [
      one.server.name,
      String(one.clients),
      spread(
        rates(one).map((rate) => rate / 1e6),
        2,
      ),
      ratio(rates(one), rates(peer)),
      spread(
        of(one, ({ seconds }) => seconds),
        1,
      ),
      percent(of(one, ({ serverShare }) => serverShare)),
      percent(of(one, ({ loadShare }) => loadShare)),
    ]),
  ),
);
const [first] = ours;
if (first) console.log(`\n${atLeast(`${first.server.name}, items a second`, median(rates(first)), GOAL, "", 0)}`);
