/** One publisher, a thousand subscribers: deliveries a second, and how late they are. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fan, hasTls, type Measured, type Subscription } from "./fan.js";
import { alternating, markdownTable, median, ratio, spread, verdict } from "./report.js";
import type { ServerSpec } from "./server.js";
import { benchArguments, fanoutLastcall, fanoutSocketIo, fanoutWs } from "./subjects.js";

const GOAL = 5_000_000;
const GOAL_P99_MS = 30;
const LIGHT = 100_000;
const GOAL_LIGHT_P99_MS = 20;
/** From one rate tried to the next. */
const STEP = 1.25;
const { clients, rounds, peersOnly } = benchArguments({ clients: 1_000, rounds: 3 });

interface Subject {
  readonly server: ServerSpec;
  readonly subscription: Subscription;
  /** The first rate tried, deliveries a second. */
  readonly from: number;
  readonly light: Measured[];
  readonly goal: Measured[];
  readonly most: number[];
}

const subject = (server: ServerSpec, subscription: Subscription, from: number): Subject => ({
  server,
  subscription,
  from,
  light: [],
  goal: [],
  most: [],
});

const text: Subscription = { path: "/ws" };
const v1: Subscription = { path: "/ws", protocol: "lastcall.v1", say: '{"type":"start"}' };
const events: Subscription = { path: "/events", wire: "sse" };
const journals = mkdtempSync(join(tmpdir(), "lastcall-bench-"));
process.once("exit", () => rmSync(journals, { recursive: true, force: true }));

const ours = peersOnly
  ? []
  : [
      subject(fanoutLastcall("lastcall, text"), text, GOAL),
      subject(fanoutLastcall("lastcall, lastcall.v1"), v1, GOAL),
      subject(fanoutLastcall("lastcall, SSE"), events, GOAL),
      subject(fanoutLastcall("lastcall, text, LMDB", { journal: `lmdb:${journals}` }), text, GOAL),
      ...(hasTls()
        ? [subject(fanoutLastcall("lastcall, text, TLS", { tls: true }), { ...text, tls: true }, GOAL / 4)]
        : []),
    ];
const peer = subject(fanoutWs(), text, 51_200);
const socketIo = subject(fanoutSocketIo(), { path: "/socket.io/?EIO=4&transport=websocket", wire: "socketio" }, 51_200);
const subjects = [...ours, peer, socketIo];

/** Kept up with: nothing is left behind, and the latency is one that a goal would allow. */
const sustained = ({ delivered, offered, p99Ms }: Measured): boolean =>
  delivered >= 0.98 * offered && p99Ms <= GOAL_P99_MS;

await alternating(rounds, subjects, async ({ server, subscription, from, light, goal, most }) => {
  const fan = await Fan.start(server, subscription, clients);
  light.push(await fan.measure(LIGHT / clients));
  if (from === GOAL) goal.push(await fan.measure(GOAL / clients));
  most.push(await mostOf(fan, from));
  await fan.stop();
});

/** The highest rate that it keeps up with, found in steps up or down from the first one tried; deliveries a second. */
async function mostOf(fan: Fan, from: number): Promise<number> {
  let rate = from;
  let best = await fan.measure(rate / clients);
  while (!sustained(best)) {
    rate /= STEP;
    if (rate < from / 20) return 0;
    best = await fan.measure(rate / clients);
  }
  while (rate >= from) {
    rate *= STEP;
    const measured = await fan.measure(rate / clients);
    if (!sustained(measured)) break;
    best = measured;
  }
  return best.delivered;
}

const ms = (measured: readonly Measured[], read: (one: Measured) => number): string =>
  measured.length === 0 ? "" : spread(measured.map(read), 1);
const percent = (measured: readonly Measured[], read: (one: Measured) => number): string =>
  measured.length === 0 ? "" : `${(median(measured.map(read)) * 100).toFixed(0)} %`;
const millions = (values: readonly number[]): readonly number[] => values.map((value) => value / 1e6);

console.log(`### Fan-out: ${clients} subscribers, items of 120 bytes (${rounds} rounds)\n`);
console.log(
  markdownTable(
    [
      "server",
      "most with p99 <= 30 ms, million deliveries/s",
      "to `ws`",
      "p99 at 5 M/s, ms",
      "p99 at 100 k/s, ms",
      "p50",
      "server's core at 100 k/s",
      "load's core at 5 M/s",
    ],
    subjects.map(({ server, most, goal, light }) => [
      server.name,
      spread(millions(most), 2),
      ratio(most, peer.most),
      ms(goal, ({ p99Ms }) => p99Ms),
      ms(light, ({ p99Ms }) => p99Ms),
      ms(light, ({ p50Ms }) => p50Ms),
      percent(light, ({ serverShare }) => serverShare),
      percent(goal, ({ loadShare }) => loadShare),
    ]),
  ),
);
const [first] = ours;
if (first) {
  const [most, goal, light] = [
    median(first.most),
    first.goal.map(({ p99Ms }) => p99Ms),
    first.light.map((m) => m.p99Ms),
  ];
  console.log(`\n${verdict("lastcall at 5 M deliveries/s, p99", median(goal), GOAL_P99_MS, "ms", 1)}`);
  console.log(verdict("lastcall at 100 k deliveries/s, p99", median(light), GOAL_LIGHT_P99_MS, "ms", 1));
  console.log(`The most that it kept up with: ${(most / 1e6).toFixed(1)} M deliveries/s.`);
}
