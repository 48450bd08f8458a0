import type { RoundSpan } from "../findings.js";
import { html, Markup } from "./markup.js";
import { count } from "./units.js";

/** All pictures are as wide, so that those over time stand exactly below each other. */
export const WIDTH = 960;
/** About how wide a character of a label is. */
export const CHARACTER_PX = 6.6;
const LEFT = 52;
const RIGHT = 18;

/** Room for the rounds' names above, and for the axis below. */
const ABOVE = 24;
const BELOW = 26;

/** Where a picture over time has its data: `x` of ms, `y` of a value. */
export interface Plot {
  readonly width: number;
  readonly bottom: number;
  readonly endMs: number;
  readonly ticks: readonly number[];
  x(ms: number): number;
  y(value: number): number;
}

/** @param headroom px above the highest tick, for a label */
export function plotOf(height: number, endMs: number, greatest: number, headroom = 0): Plot {
  const top = ABOVE + headroom;
  const [bottom, width] = [top + height, WIDTH - LEFT - RIGHT];
  const marks = ticks(greatest, Math.max(2, Math.round(height / 45)));
  const most = marks.at(-1) ?? 1;
  return {
    width,
    bottom,
    endMs,
    ticks: marks,
    x: (ms) => LEFT + (ms / endMs) * width,
    y: (value) => bottom - (value / most) * height,
  };
}

/** From 0 to at least `greatest` in about `about` steps of 1, 2 or 5 times a power of ten. */
export function ticks(greatest: number, about: number, least = 1): readonly number[] {
  const raw = Math.max(greatest / about, least);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5].find((factor) => factor * power >= raw * 0.999) ?? 10) * power;
  const steps = Math.max(1, Math.ceil(greatest / step - 1e-9));
  return Array.from({ length: steps + 1 }, (_, i) => i * step);
}

/** An image whose size is known, `WIDTH` by `height`. */
export class Picture extends Markup {
  readonly height: number;

  constructor({ text }: Markup, height: number) {
    super(text);
    this.height = height;
  }
}

/** A picture with its name and, for those who cannot see it, what it says. */
export function svg(
  id: string,
  title: string,
  description: string,
  height: number,
  content: readonly Markup[],
): Picture {
  const drawn = html`<svg role="img" aria-labelledby="${id}-title ${id}-text" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">
<title id="${id}-title">${title}</title>
<desc id="${id}-text">${description}</desc>
${content}
</svg>`;
  return new Picture(drawn, height);
}

/** A picture over time: `data` between the axes, over the rounds. */
export function overTime(
  plot: Plot,
  id: string,
  title: string,
  description: string,
  rounds: readonly RoundSpan[],
  data: readonly Markup[],
): Picture {
  const shaded = rounds.map((round) => shade(plot, round));
  return svg(id, title, description, plot.bottom + BELOW, [...shaded, ...valueAxis(plot), ...data, ...timeAxis(plot)]);
}

function shade({ x, bottom, endMs }: Plot, { n, fromMs, toMs }: RoundSpan): Markup {
  const [left, right] = [x(Math.max(0, fromMs)), x(Math.min(endMs, toMs))];
  const width = Math.max(1, right - left);
  const text = width > 54 ? `round ${n}` : String(n);
  const label = width > 14 ? html`<text class="muted" x="${px(left + 4)}" y="16">${text}</text>` : undefined;
  return html`<rect class="round" x="${px(left)}" y="2" width="${px(width)}" height="${px(bottom - 2)}"/>${label}`;
}

function valueAxis({ ticks: marks, y, width }: Plot): readonly Markup[] {
  return marks.map((value) => {
    const at = px(y(value));
    const kind = value === 0 ? "axis" : "grid";
    return html`<line class="${kind}" x1="${LEFT}" x2="${LEFT + width}" y1="${at}" y2="${at}"/>
<text class="muted end" x="${LEFT - 7}" y="${px(y(value) + 4)}">${count(value)}</text>`;
  });
}

function timeAxis({ endMs, x, bottom }: Plot): readonly Markup[] {
  const inMinutes = endMs > 300_000;
  const unit = inMinutes ? 60_000 : 1_000;
  const marks = ticks(endMs / unit, 10).filter((mark) => mark * unit <= endMs);
  return marks.map((mark, i) => {
    const at = px(x(mark * unit));
    const text = i === marks.length - 1 ? `${count(mark)} ${inMinutes ? "min" : "s"}` : count(mark);
    return html`<line class="axis" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 4}"/>
<text class="muted middle" x="${at}" y="${bottom + 18}">${text}</text>`;
  });
}

/** A coordinate: tenths of a pixel are fine enough. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
