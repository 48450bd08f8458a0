import type { RoundSpan, Series } from "../findings.js";
import { CHARACTER_PX, overTime, type Picture, type Plot, plotOf, px } from "./frame.js";
import { html, type Markup } from "./markup.js";
import { bins } from "./sparkline.js";
import { count, counted, duration, moment } from "./units.js";

const HEIGHT = 88;
/** For the label of the highest bar. */
const HEADROOM = 16;
/** A bar is three pixels wide; it stands for the greatest of the steps that it covers. */
const BARS = 300;

/** A client's first connection is none of these: it is the rehearsal's own doing. */
export function reconnectsPicture({ reconnects, stepMs, rounds }: Series): Picture | undefined {
  return bars(reconnects, stepMs, rounds, {
    id: "reconnects",
    title: `New connections within ${stepMs} ms`,
    style: "bar-reconnects",
    peak: (most, at) => `${count(most)} at ${moment(at)}`,
    text: (most, at) =>
      `The most that came about within ${stepMs} ms are ${counted(most, "connection")}, at ${moment(at)}.`,
  });
}

export function pausesPicture({ pauses, stepMs, rounds }: Series): Picture | undefined {
  return bars(pauses, stepMs, rounds, {
    id: "pauses",
    title: "Longest pause of any client, in ms",
    style: "bar-pauses",
    peak: (most, at) => `${duration(most)} at ${moment(at)}`,
    text: (most, at) => `The longest pause of all is ${duration(most)} and ended at ${moment(at)}.`,
  });
}

interface Words {
  readonly id: string;
  readonly title: string;
  readonly style: string;
  peak(most: number, at: number): string;
  text(most: number, at: number): string;
}

/** Bars over time; the greatest says what it is. */
function bars(
  values: readonly number[],
  stepMs: number,
  rounds: readonly RoundSpan[],
  words: Words,
): Picture | undefined {
  const most = values.reduce((greatest, value) => Math.max(greatest, value), 0);
  if (most === 0) return undefined;
  const plot = plotOf(HEIGHT, values.length * stepMs, most, HEADROOM);
  const when = values.indexOf(most) * stepMs;
  const text = words.text(most, when);
  const size = Math.max(1, Math.ceil(values.length / BARS));
  const groups = bins(values, BARS).map((bin) => Math.max(...bin));
  const path = groups.map((value, i) => bar(plot, i * size * stepMs, size * stepMs, value)).join("");
  return overTime(plot, words.id, words.title, text, rounds, [
    html`<path class="${words.style}" d="${path}"/>`,
    peakLabel(plot, when, most, words.peak(most, when)),
  ]);
}

function bar({ x, y, bottom }: Plot, ms: number, forMs: number, value: number): string {
  if (value <= 0) return "";
  const width = Math.max(0.8, x(ms + forMs) - x(ms) - 0.6);
  return `M${px(x(ms))} ${bottom}V${px(y(value))}h${px(width)}V${bottom}Z`;
}

/** Above its bar, and inside the picture. */
function peakLabel({ x, y, endMs }: Plot, ms: number, value: number, text: string): Markup {
  const half = (text.length * CHARACTER_PX) / 2;
  const at = Math.min(Math.max(x(ms), x(0) + half), x(endMs) - half);
  return html`<text class="strong halo middle" x="${px(at)}" y="${px(y(value) - 5)}">${text}</text>`;
}
