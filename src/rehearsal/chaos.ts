import { sleep } from "../base/clock.js";
import { type Context, oneOf } from "./context.js";
import type { Observer } from "./observer.js";
import type { Chaos } from "./options.js";
import type { Act, Stage } from "./stage.js";

/** When it begins: this long after the round did, at least and at most, ms. */
const FROM_MS = 500;
const TO_MS = 4_000;
/** How long a process is stopped, or a client does not read, ms. */
const LASTS_MS = 5_000;
/** Of this many clients one is slow, or has a connection that dies; whichever speaks. */
const EVERY = 5;

export interface Scene {
  readonly context: Context;
  readonly stage: Stage;
  readonly observers: readonly Observer[];
  readonly act: Act;
}

/** Does one thing on purpose, at some moment of a round; settles when it is over, sooner when `signal` aborts. */
export async function wreak(kind: Chaos, scene: Scene, signal: AbortSignal): Promise<void> {
  const { clock, random } = scene.context;
  if (await sleep(clock, FROM_MS + random() * (TO_MS - FROM_MS), signal)) await DEEDS[kind](scene, signal);
}

type Deed = (scene: Scene, signal: AbortSignal) => Promise<void>;

const DEEDS: Readonly<Record<Chaos, Deed>> = {
  async kill({ context, stage, act }) {
    const victim = oneOf(stage.processes?.running() ?? [], context.random);
    if (victim === undefined) return;
    act(`${victim.name} is killed`);
    stage.processes?.kill(victim);
  },

  async pause({ context, stage, act }, signal) {
    const victim = oneOf(stage.processes?.running() ?? [], context.random);
    if (victim === undefined) return;
    act(`${victim.name} is stopped for ${LASTS_MS / 1_000} s`);
    victim.signal("SIGSTOP");
    await sleep(context.clock, LASTS_MS, signal);
    victim.signal("SIGCONT");
    act(`${victim.name} goes on`);
  },

  async "slow-client"({ context, observers, act }, signal) {
    const slow = some(observers, context.random);
    act(`${slow.length} clients do not read for ${LASTS_MS / 1_000} s`);
    for (const observer of slow) observer.stall();
    await sleep(context.clock, LASTS_MS, signal);
    for (const observer of slow) observer.resume();
    act(`${slow.length} clients read on`);
  },

  async "half-open"({ context, stage, observers, act }) {
    const ports = some(observers, context.random).flatMap((observer) => observer.localPorts);
    act(`${ports.length} connections are dead, and nobody is told`);
    for (const port of ports) stage.processes?.hold(port);
  },
};

function some(observers: readonly Observer[], random: () => number): readonly Observer[] {
  const rest = [...observers];
  const count = Math.ceil(observers.length / EVERY);
  return Array.from({ length: count }, () => rest.splice(Math.floor(random() * rest.length), 1)).flat();
}
