import type { Series } from "../findings.js";
import { CHARACTER_PX, overTime, type Picture, type Plot, plotOf, px } from "./frame.js";
import { html, type Markup } from "./markup.js";
import { bins } from "./sparkline.js";
import { counted } from "./units.js";

const HEIGHT = 250;
/** More points than this would not be seen. */
const POINTS = 480;
const LABEL_PX = 15;
const LONGEST_NAME = 18;
/** What connections have for a replica that nobody knows. */
const UNKNOWN = "?";

/** One replica's band: of each point, where it begins and where it ends, in connections. */
interface Layer {
  readonly name: string;
  readonly style: string;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/**
 * Connections standing, as one stacked area for each replica. Replicas of one round are shades of one hue and the next
 * round's of the other, so that a round is seen as a change of colour; names stand in the areas themselves.
 */
export function connectionsPicture(series: Series): Picture | undefined {
  const layers = layersOf(series);
  const points = layers[0]?.to.length ?? 0;
  const greatest = Math.max(0, ...(layers.at(-1)?.to ?? []));
  if (points === 0 || greatest === 0) return undefined;
  const samples = Math.max(...series.connections.map(({ counts }) => counts.length));
  const plot = plotOf(HEIGHT, samples * series.stepMs, greatest);
  const at = (i: number) => plot.x((i / Math.max(1, points - 1)) * plot.endMs);
  const areas = layers.map(
    ({ name, style, from, to }) =>
      html`<path class="area ${style}" d="${outline(from, to, at, plot)}"><title>${name}</title></path>`,
  );
  const names = layers.map((layer) => nameIn(layer, at, plot));
  const text = `Stacked areas of ${counted(layers.length, "replica")}; at most ${counted(greatest, "connection")} stood.`;
  return overTime(plot, "connections", "Connections of each replica over time", text, series.rounds, [
    ...areas,
    ...names.filter((one) => one !== undefined),
  ]);
}

function layersOf({ connections, rounds, stepMs }: Series): readonly Layer[] {
  const replicas = connections
    .map(({ replica, counts }) => ({ replica, counts, first: counts.findIndex((n) => n > 0) }))
    .map((one) => ({ ...one, generation: rounds.filter(({ fromMs }) => fromMs <= one.first * stepMs).length }))
    .filter(({ first }) => first >= 0)
    .sort((a, b) => a.generation - b.generation || a.replica.localeCompare(b.replica, "en", { numeric: true }));
  let below: readonly number[] = [];
  return replicas.map(({ replica, counts, generation }, i) => {
    const thinned = bins(counts, POINTS).map((bin) => bin.at(-1) ?? 0);
    const from = thinned.map((_, k) => below[k] ?? 0);
    const to = thinned.map((n, k) => n + (from[k] ?? 0));
    below = to;
    const known = replica !== UNKNOWN;
    const style = known ? `${generation % 2 === 0 ? "even" : "odd"}${i % 3}` : "unknown";
    return { name: known ? replica : "replica not known", style, from, to };
  });
}

/** Along the upper edge, and back along the lower one; only where there is something between them. */
function outline(from: readonly number[], to: readonly number[], at: (i: number) => number, { y }: Plot): string {
  const parts: string[] = [];
  let start: number | undefined;
  for (let i = 0; i <= to.length; i += 1) {
    const there = i < to.length && (to[i] ?? 0) > (from[i] ?? 0);
    if (there) start ??= i;
    if (there || start === undefined) continue;
    // A point of nothing on both sides, where there is one: the edges slope instead of standing upright.
    const indexes = range(Math.max(0, start - 1), Math.min(to.length - 1, i));
    const upper = indexes.map((k) => `${px(at(k))} ${px(y(to[k] ?? 0))}`);
    const lower = indexes.reverse().map((k) => `${px(at(k))} ${px(y(from[k] ?? 0))}`);
    parts.push(`M${upper.join("L")}L${lower.join("L")}Z`);
    start = undefined;
  }
  return parts.join("");
}

/** The name where the band has most room for it; nowhere when there is none. */
function nameIn({ name, style, from, to }: Layer, at: (i: number) => number, { y }: Plot): Markup | undefined {
  const text = name.length > LONGEST_NAME ? `…${name.slice(-LONGEST_NAME + 1)}` : name;
  const reach = Math.ceil((text.length * CHARACTER_PX) / Math.max(0.1, at(1) - at(0)));
  let best: { readonly x: number; readonly y: number; readonly room: number } | undefined;
  for (let i = 0; i + reach < to.length; i += 2) {
    const upper = Math.min(...to.slice(i, i + reach + 1));
    const lower = Math.max(...from.slice(i, i + reach + 1));
    const room = y(lower) - y(upper);
    if (room > (best?.room ?? LABEL_PX)) best = { x: (at(i) + at(i + reach)) / 2, y: (y(lower) + y(upper)) / 2, room };
  }
  if (best === undefined) return undefined;
  return html`<text class="middle on-${style.replace(/\d/, "")}" x="${px(best.x)}" y="${px(best.y + 4)}">${text}</text>`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
