import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { numberOf } from "../../src/protocol/ids.js";
import { Fleet, readJournal } from "../support/fleet.js";
import {
  type Fault,
  judgeFrames,
  judgeGiven,
  judgeJournal,
  judgeText,
  longestPause,
  type Owed,
  type Truth,
} from "../support/ledger.js";
import { NumberedPublisher } from "../support/publisher.js";
import { EventReader, everybody, LibraryReader, type Reader, TextReader } from "../support/readers.js";
import type { Service } from "../support/service.js";
import { assertClean } from "./farewell.js";

/** How many times a replica is ended; fewer while something is tried out. */
export const ROUNDS = Number(process.env["REPLICAS_ROUNDS"] ?? 20);

const REPLICAS = 3;
const LIBRARY = 160;
const EVENTS = 20;
const TEXTS = 20;
const EVERY_MS = 50;
/** Items that are on their way when a replica is ended. */
const BURST = 40;

type Signal = "SIGTERM" | "SIGKILL";

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Round extends Span {
  readonly signal: Signal;
}

/** Replicas are ended in turn, gracefully and not, while 200 clients read; then what everybody saw is judged. */
export async function replicasInTurn(t: TestContext, journalUrl: string): Promise<void> {
  const fleet = await Fleet.start(t, REPLICAS, { JOURNAL_URL: journalUrl });
  const library = times(LIBRARY, (i) => new LibraryReader(fleet.ws, i % 2 === 0 ? "now" : "oldest"));
  const events = times(EVENTS, () => new EventReader(fleet.url));
  const texts = times(TEXTS, () => new TextReader(fleet.ws));
  const readers: readonly Reader[] = [...library, ...events, ...texts];
  t.after(() => Promise.all(readers.map((reader) => reader.close())));
  const [first] = library;
  assert.ok(first !== undefined);
  const publisher = new NumberedPublisher(fleet.url, first.client, EVERY_MS);
  t.after(() => publisher.abandon());

  const startedAt = performance.now();
  // A while without any trouble, to compare with.
  await everybody(readers, (reader) => reader.reached(40));
  const rounds: Round[] = [];
  for (let n = 0; n < ROUNDS; n += 1) {
    const signal = n % 2 === 0 ? "SIGTERM" : "SIGKILL";
    await publisher.burst(BURST);
    const from = performance.now();
    const old = await fleet.restart(n % REPLICAS, signal);
    const next = publisher.last + 1;
    await everybody(readers, (reader) => reader.reached(next));
    rounds.push({ signal, from, to: performance.now() });
    if (signal === "SIGTERM") await assertGraceful(old);
  }
  await publisher.stop();
  const truth = await readJournal(fleet.url);
  const last = truth.entries.at(-1);
  assert.ok(last !== undefined);
  await everybody(readers, (reader) => reader.stands(last.data)).catch(() => {});
  await Promise.all(readers.map((reader) => reader.close()));

  // What a client is owed is counted from the signal on: it hears SHUTDOWN a moment after the server has said it, and the
  // mark may have been fixed in between.
  const owed: Owed = (at) => publisher.owed(rounds.findLast(({ from }) => from <= at)?.from ?? 0);
  const verdict = judge(truth, publisher, owed, library, events, texts);
  assert.deepEqual(verdict.faults.slice(0, 20), [], `${verdict.faults.length} faults`);
  assert.ok(verdict.handedOver >= LIBRARY * (ROUNDS / 2 / REPLICAS / 2), `only ${verdict.handedOver} handed over`);

  const { failures, repeats } = publisher;
  t.diagnostic(`${ROUNDS} rounds, ${readers.length} clients, ${truth.head} items, one every ${EVERY_MS} ms`);
  t.diagnostic(`${verdict.handedOver} hand-overs of lastcall.v1, ${verdict.twice} items came on both connections`);
  t.diagnostic(`POST /items: ${failures} attempts failed, after ${repeats} of them the item was there`);
  const parts = [
    { name: "before the first restart", spans: [{ from: startedAt, to: rounds[0]?.from ?? 0 }] },
    ...(["SIGTERM", "SIGKILL"] as const).map((name) => ({
      name,
      spans: rounds.filter(({ signal }) => signal === name),
    })),
  ];
  for (const { name, spans } of parts) {
    const all = [["the journal", [truth]] as const, ["lastcall.v1", library] as const, ["sse", events] as const];
    const texts = all.map(([who, those]) => `${who} ${pauses(those, spans)}`);
    t.diagnostic(`longest pause between two items, ${name}: ${texts.join(", ")}`);
  }
}

async function assertGraceful(service: Service): Promise<void> {
  const end = await service.ended();
  assertClean(end);
  assert.equal(end.receipt.clients.cut, 0);
  assert.equal(end.receipt.publishes.cut, 0);
}

function judge(
  truth: Truth,
  publisher: NumberedPublisher,
  owed: Owed,
  library: readonly LibraryReader[],
  events: readonly EventReader[],
  texts: readonly TextReader[],
) {
  const faults: Fault[] = [];
  const found = (of: string, those: readonly Fault[]) => {
    faults.push(...those.map(({ kind, text }) => ({ kind, text: `${of}: ${text}` })));
  };
  let handedOver = 0;
  let twice = 0;
  found("journal", judgeJournal(truth, publisher.acked));
  for (const [i, { tap, items }] of library.entries()) {
    const frames = judgeFrames(tap.sightings, truth, { overlap: true });
    handedOver += frames.handedOver;
    twice += frames.twice;
    found(`frames of client ${i}`, frames.faults);
    const hello = tap.sightings.find(({ type }) => type === "hello");
    const after = hello?.type === "hello" ? numberOf(hello.cursor) : 0;
    found(`what client ${i} gave out`, judgeGiven(items, after, truth));
  }
  for (const [i, { tap }] of events.entries()) {
    found(`events of ${i}`, judgeFrames(tap.sightings, truth, { overlap: false }).faults);
  }
  for (const [i, { tap }] of texts.entries()) found(`text frames of ${i}`, judgeText(tap.sightings, truth, owed));
  return { faults, handedOver, twice };
}

/** Each one's longest pause in these spans: the longest of all, and the one in the middle. */
function pauses(those: readonly { readonly moments: readonly number[] }[], spans: readonly Span[]): string {
  const all = those
    .map(({ moments }) => Math.max(...spans.map(({ from, to }) => longestPause(moments, from, to))))
    .sort((a, b) => a - b);
  const [middle = 0, most = 0] = [all[Math.floor(all.length / 2)], all.at(-1)];
  return `${Math.round(most)} ms${those.length > 1 ? ` (median of all ${Math.round(middle)} ms)` : ""}`;
}

function times<T>(count: number, make: (i: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
