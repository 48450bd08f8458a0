import { clearScreenDown, moveCursor } from "node:readline";
import { printable } from "../base/printable.js";
import type { Paint, Style } from "./paint.js";
import { type Rates, ratesBetween, stepText } from "./progress-lines.js";
import type { Progress, ReplicaSample, Sample, Step } from "./progress-port.js";
import { count, counted, moment } from "./report/units.js";

/** Rates are over about this long: shorter ones flicker. */
const RATE_MS = 2_000;
/** Replicas shown at a time; the busiest remain. */
const MOST_REPLICAS = 8;
const BAR = 20;
const LONGEST_NAME = 24;

/** A part of a line with its style; lines are cut to the terminal's width before they are painted. */
type Part = string | readonly [Style, string];

const STATES: Readonly<Record<ReplicaSample["state"], Style>> = {
  starting: "dim",
  ready: "green",
  deleted: "yellow",
  draining: "yellow",
  gone: "dim",
};

export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

export interface LiveProgress extends Progress {
  /** Takes the view away; what was told above it stays. */
  end(): void;
}

/** A few lines at the bottom of the terminal, drawn anew with every sample; what happens scrolls by above them. */
export function liveProgress(terminal: Terminal & NodeJS.WritableStream, paint: Paint, rounds: number): LiveProgress {
  let step: Step = "starting";
  let samples: readonly Sample[] = [];
  let drawn = 0;
  let ended = false;

  function erase(): void {
    if (drawn === 0) return;
    moveCursor(terminal, 0, -drawn);
    clearScreenDown(terminal);
    drawn = 0;
  }

  function draw(): void {
    const [first, last] = [samples[0], samples.at(-1)];
    if (ended || first === undefined || last === undefined) return;
    // The last column stays free: some terminals wrap when it is written.
    const width = Math.max(10, (terminal.columns ?? 80) - 1);
    const lines = view(step, last, ratesBetween(first, last), rounds).map((parts) => fitted(parts, width, paint));
    terminal.write(`${lines.join("\n")}\n`);
    drawn = lines.length;
  }

  function tell(parts: readonly Part[]): void {
    erase();
    terminal.write(`${fitted(parts, Number.POSITIVE_INFINITY, paint)}\n`);
    draw();
  }

  const at = () => moment(samples.at(-1)?.at ?? 0).padStart(8);
  return {
    step(next, text) {
      step = next;
      tell([["dim", at()], "  ", ["bold", next], `: ${text}`]);
    },
    line: (text) => tell([["dim", at()], `  ${text}`]),
    sample(sample) {
      samples = [...samples.filter((one) => one.at >= sample.at - RATE_MS), sample];
      erase();
      draw();
    },
    end() {
      erase();
      ended = true;
    },
  };
}

function view(step: Step, sample: Sample, rates: Rates, rounds: number): readonly (readonly Part[])[] {
  const { at, round, clients, connected, received, acked, requests, requestsFailed, refused } = sample;
  const { lost, repeated, outOfOrder } = sample;
  const standing = sample.replicas.filter(({ state }) => state !== "gone");
  const shown = [...standing].sort((a, b) => b.connections - a.connections).slice(0, MOST_REPLICAS);
  const widest = Math.max(0, ...shown.map(({ name }) => Math.min(LONGEST_NAME, name.length)));
  return [
    [["cyan", moment(at).padStart(8)], "  ", ["bold", stepText(step, round, rounds)]],
    [
      `  ${count(connected)} of ${count(clients)} clients`,
      ` · ${count(rates.received)} items/s in, ${count(received)} so far`,
      ` · ${count(rates.published)}/s out, ${count(acked)} acked`,
    ],
    [
      lost + repeated + outOfOrder > 0
        ? ["red", `  ${count(lost)} lost, ${count(repeated)} repeated, ${count(outOfOrder)} out of order`]
        : "  0 lost, 0 repeated, 0 out of order",
      " · ",
      `${count(requests)} requests, `,
      requestsFailed > 0 ? ["red", `${count(requestsFailed)} failed`] : "0 failed",
      ...(refused > 0 ? [` · ${counted(refused, "connection")} refused`] : []),
    ],
    ...standing.filter((one) => shown.includes(one)).map((one) => replicaLine(one, widest, clients)),
    ...(standing.length > shown.length ? [[`  and ${standing.length - shown.length} more replicas`]] : []),
  ];
}

function replicaLine({ name, state, connections }: ReplicaSample, widest: number, clients: number): readonly Part[] {
  const filled = Math.min(BAR, Math.ceil((connections / Math.max(1, clients)) * BAR));
  return [
    `  ${name.slice(0, LONGEST_NAME).padEnd(widest)}  `,
    [STATES[state], state.padEnd(9)],
    [STATES[state], "█".repeat(filled)],
    ["dim", "░".repeat(BAR - filled)],
    ` ${count(connections)}`,
  ];
}

function fitted(parts: readonly Part[], width: number, paint: Paint): string {
  let left = width;
  return parts
    .map((part) => {
      const [style, whole] = typeof part === "string" ? [undefined, part] : part;
      const text = printable(whole).slice(0, left);
      left -= text.length;
      return style === undefined ? text : paint(style, text);
    })
    .join("");
}
