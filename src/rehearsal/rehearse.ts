import { randomUUID } from "node:crypto";
import { systemClock } from "../base/clock.js";
import { toError } from "../base/errors.js";
import { type Context, randomOf } from "./context.js";
import { headOf, readJournal } from "./journal.js";
import { Load } from "./load.js";
import { watchLoop } from "./loop-lag.js";
import { markReader } from "./marks.js";
import type { Watching } from "./observer.js";
import { observersOf } from "./observers.js";
import { openStage } from "./open-stage.js";
import type { RehearsalOptions } from "./options.js";
import type { Progress } from "./progress-port.js";
import type { RunRecord } from "./record.js";
import { Reporter } from "./reporter.js";
import { playRounds } from "./rounds.js";
import { httpUrl } from "./urls.js";

/** After this long without a word a client without a rule of its own gives up, ms: beyond twice the server's pings. */
const SILENCE_MS = 60_000;
const QUICK_SILENCE_MS = 5_000;

/**
 * Rolls a service under load and writes down what everybody saw; judges nothing.
 *
 * Settles when everything that it started has ended. What kept it from going on (a replica that does not start, `signal`)
 * is in the record's `troubles`.
 * @throws LastcallError `invalid_request` when the options cannot be followed
 */
export async function rehearse(options: RehearsalOptions, progress: Progress, signal: AbortSignal): Promise<RunRecord> {
  const clock = systemClock;
  const [startedAt, epoch] = [clock.now(), clock.epoch()];
  const now = () => clock.now() - startedAt;
  const troubles: string[] = [];
  const trouble = (text: string) => {
    troubles.push(text);
    progress.line(text);
  };
  const context: Context = { clock, now, random: randomOf(options.seed), progress, trouble };
  const run = randomUUID();
  const mark = markReader(run);
  const make = observersOf(options);
  const stage = await openStage(context, options);
  const watching: Watching = {
    ...{ clock, now, random: context.random, mark },
    replicaOf: (port) => stage.replicaOf(port),
    silenceMs: options.chaos.includes("half-open") ? QUICK_SILENCE_MS : SILENCE_MS,
  };
  const load = new Load(context, options, run, stage.url);
  const reporter = new Reporter(context, progress, () => ({ ...load.counts(), replicas: stage.samples() }));
  const loop = watchLoop();
  const seen: Mutable<Pick<RunRecord, "from" | "to" | "journal" | "rounds" | "sentinels" | "loopLagP99Ms">> = {
    ...{ from: 0, to: 0, journal: undefined, rounds: [], sentinels: [], loopLagP99Ms: 0 },
  };

  // What is awaited below ends with what is ended here.
  const interrupt = () => {
    over();
    void load.close().then(() => stage.close());
  };
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    await perform();
  } finally {
    signal.removeEventListener("abort", interrupt);
    reporter.enter("stopping", "everything is ended");
    loop.stop();
    await load.close();
    await stage.close();
    reporter.stop();
  }
  for (const { name, failed } of load.observers) {
    if (failed !== undefined) trouble(`${name} gave up: ${toError(failed).message}`);
  }
  return {
    ...{ epoch, troubles, interrupted: signal.aborted },
    ...seen,
    clients: load.observers.map((observer) => observer.record),
    published: load.published,
    requests: load.requests,
    replicas: stage.records(),
  };

  /** What is measured ends now, if it has begun, and not before. */
  function over(): void {
    if (seen.from === 0 || seen.to !== 0) return;
    seen.to = now();
    seen.loopLagP99Ms = loop.p99Ms();
  }

  async function perform(): Promise<void> {
    const items = httpUrl(stage.url, options.itemsPath);
    reporter.enter("starting", "what serves is started");
    await stage.start(signal);
    if (troubles.length > 0 || signal.aborted) return;
    reporter.enter("connecting", `${options.clients} clients connect`);
    await load.connect(make(stage.url, watching), signal);
    const head = await headOf(items, signal);
    if (troubles.length > 0 || signal.aborted) return;
    loop.reset();
    load.begin();
    seen.from = now();
    seen.rounds = await playRounds({ context, options, stage, load, reporter }, signal);
    seen.sentinels = await load.finish(signal);
    over();
    if (head === undefined || signal.aborted) return;
    reporter.enter("checking", "what the journal has is read");
    try {
      seen.journal = await readJournal(items, head, mark, signal);
    } catch (thrown) {
      trouble(`the journal cannot be read: ${toError(thrown).message}`);
    }
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
