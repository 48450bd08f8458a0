import { sleep } from "../base/clock.js";
import { wreak } from "./chaos.js";
import { type Context, until } from "./context.js";
import type { Load } from "./load.js";
import type { RehearsalOptions } from "./options.js";
import type { RoundRecord } from "./record.js";
import type { Reporter } from "./reporter.js";
import type { Stage } from "./stage.js";

/** Load after the last connection was replaced, ms: what goes wrong late has to be seen too. */
const AFTER_MS = 1_000;

export interface Play {
  readonly context: Context;
  readonly options: RehearsalOptions;
  readonly stage: Stage;
  readonly load: Load;
  readonly reporter: Reporter;
}

/** Rolls everything, as often as was asked for, and waits until nothing of what stood before stands any more. */
export async function playRounds(play: Play, signal: AbortSignal): Promise<readonly RoundRecord[]> {
  const { context, options, load, reporter } = play;
  const { rounds: count, steadyMs, settleMs } = options;
  const rounds: RoundRecord[] = [];
  const before = load.standing();
  for (let n = 1; n <= count && !signal.aborted; n += 1) {
    reporter.enter("steady", "load without any trouble");
    if (!(await sleep(context.clock, steadyMs, signal))) break;
    reporter.round = n;
    reporter.enter("rolling", `round ${n} of ${count}`);
    rounds.push(await playRound(play, n, signal));
  }
  reporter.enter("settling", "everybody finds another connection");
  await until(context, settleMs, () => load.replaced(before) && load.allConnected, signal);
  await sleep(context.clock, AFTER_MS, signal);
  return rounds;
}

async function playRound(
  { context, options, stage, load }: Play,
  n: number,
  signal: AbortSignal,
): Promise<RoundRecord> {
  const from = context.now();
  const acts: { readonly at: number; readonly what: string }[] = [];
  const act = (what: string) => {
    acts.push({ at: context.now(), what });
    context.progress.line(what);
  };
  const scene = { context, stage, observers: load.observers, act };
  await Promise.all([stage.roll(act, signal), ...options.chaos.map((kind) => wreak(kind, scene, signal))]);
  // A replica that was killed last is being replaced.
  await stage.whole();
  return { n, from, to: context.now(), acts };
}
