import { printable } from "../base/printable.js";
import type { Progress, Sample } from "./progress-port.js";
import { counted, moment } from "./report/units.js";

/** Without news a line still says that it goes on, after this time. */
const QUIET_MS = 5_000;

/** How fast things go, from two looks at the counts. */
export interface Rates {
  readonly received: number;
  readonly published: number;
}

/** Progress as plain lines with the time since the start, for a pipe or a log. */
export function progressLines(write: (text: string) => void): Progress {
  let told: Sample | undefined;
  let at = 0;
  const say = (text: string) => write(`${moment(at).padStart(8)}  ${printable(text)}\n`);
  return {
    step: (step, text) => say(`${step}: ${text}`),
    line: say,
    sample(sample) {
      at = sample.at;
      told ??= sample;
      if (sample.at - told.at < QUIET_MS) return;
      say(summary(sample, ratesBetween(told, sample)));
      told = sample;
    },
  };
}

/** `rolling (round 2 of 3)` */
export function stepText(step: Sample["step"], round: number, rounds: number): string {
  return step === "rolling" ? `rolling (round ${Math.max(1, round)} of ${rounds})` : step;
}

export function ratesBetween(a: Sample, b: Sample): Rates {
  const seconds = Math.max(0.001, (b.at - a.at) / 1_000);
  return {
    received: Math.round((b.received - a.received) / seconds),
    published: Math.round((b.published - a.published) / seconds),
  };
}

function summary(sample: Sample, { received, published }: Rates): string {
  const { connected, clients, requests, requestsFailed, refused, replicas } = sample;
  const { lost, repeated, outOfOrder } = sample;
  const parts = [
    `${connected} of ${clients} clients connected`,
    `${published} items/s published, ${received} items/s received`,
    `${lost} lost, ${repeated} repeated, ${outOfOrder} out of order`,
    `${requests} requests, ${requestsFailed} failed`,
    ...(refused > 0 ? [`${counted(refused, "connection")} refused`] : []),
    ...replicas.filter(({ state }) => state !== "gone").map((one) => `${one.name} ${one.state} ${one.connections}`),
  ];
  return parts.join("; ");
}
