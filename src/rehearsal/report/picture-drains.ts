import type { ReplicaFindings } from "../findings.js";
import { exitOf } from "./content.js";
import { CHARACTER_PX, type Picture, px, svg, ticks, WIDTH } from "./frame.js";
import { html, type Markup } from "./markup.js";
import { count, counted, duration } from "./units.js";

const ROW = 24;
const BAR = 17;
const TOP = 34;
const BELOW = 26;
const LEFT = 150;
const RIGHT = 150;
/** More than fit on a page; the table has them all. */
const MOST_ROWS = 40;
const LONGEST_NAME = 20;
/** What is left of a drain beside its phases, when it is worth a look. */
const REST = "in no phase told";

/** Phases in their order, each with its own look; those that are not known share one. */
const PHASES = ["prestop", "window", "announce", "finish", "close", "requests", "release", "linger"] as const;
const LOOKS = [...PHASES, "other", "rest"] as const;
type Look = (typeof LOOKS)[number];

type Ended = ReplicaFindings & { readonly goneMs: number };

/** From being told to go to the end of the process: a bar for each replica, its phases one after the other. */
export function drainsPicture(replicas: readonly ReplicaFindings[]): Picture | undefined {
  const ended = replicas.filter((replica): replica is Ended => replica.goneMs !== undefined);
  if (ended.length === 0) return undefined;
  const shown = ended.slice(0, MOST_ROWS);
  const longest = Math.max(1, ...shown.map(({ goneMs }) => goneMs));
  const marks = ticks(longest / 1000, 8, 0.1);
  const scale = (WIDTH - LEFT - RIGHT) / ((marks.at(-1) ?? 1) * 1000);
  const bottom = TOP + shown.length * ROW;
  const slowest = shown.find(({ goneMs }) => goneMs === longest)?.name ?? "";
  const late = ended.filter(({ killed }) => killed === "grace_over").length;
  const killed = `${counted(late, "was", "were")} killed at the end of the grace period`;
  const text = `${counted(ended.length, "replica")}; the longest took ${duration(longest)} (${slowest}); ${killed}.`;
  const more = ended.length - shown.length;
  return svg(
    "drains",
    "Time from deletion to exit of each replica, by phase",
    text,
    bottom + BELOW + (more > 0 ? 20 : 0),
    [
      ...legend(shown),
      ...marks.map((mark, i) => tick(mark, LEFT + mark * 1000 * scale, bottom, i === marks.length - 1)),
      ...shown.map((replica, i) => row(replica, TOP + i * ROW, scale)),
      ...(more > 0
        ? [html`<text class="muted" x="${LEFT}" y="${bottom + 42}">and ${more} more, in the table</text>`]
        : []),
    ],
  );
}

function row(replica: Ended, y: number, scale: number): Markup {
  let x = LEFT;
  const parts = partsOf(replica).map(({ phase, ms }) => {
    const width = ms * scale;
    const part = segment(phase, ms, x, y, width);
    x += width;
    return part;
  });
  const name = replica.name.length > LONGEST_NAME ? `…${replica.name.slice(-LONGEST_NAME + 1)}` : replica.name;
  const exit = /^\d+$/.test(replica.exit) ? `exit code ${replica.exit}` : exitOf(replica);
  const end = `${duration(replica.goneMs)}, ${exit}`;
  return html`<text class="end" x="${LEFT - 10}" y="${y + 13}">${name}<title>${replica.name}</title></text>
${parts}
<text class="halo ${replica.killed === "grace_over" ? "bad" : "muted"}" x="${px(x + 8)}" y="${y + 13}">${end}</text>`;
}

/** Its phases, and what lies beside them (a process that was killed tells of none). */
function partsOf({ phases, goneMs }: Ended): readonly { readonly phase: string; readonly ms: number }[] {
  const rest = goneMs - phases.reduce((sum, { ms }) => sum + ms, 0);
  return rest > goneMs * 0.02 ? [...phases, { phase: REST, ms: rest }] : phases;
}

function segment(phase: string, ms: number, x: number, y: number, width: number): Markup {
  const text = [`${phase} ${duration(ms)}`, phase].find((one) => one.length * CHARACTER_PX + 8 < width);
  const look = lookOf(phase);
  const label =
    text === undefined || phase === REST
      ? undefined
      : html`<text class="on-${look}" x="${px(x + 5)}" y="${y + 13}">${text}</text>`;
  return html`<rect class="phase ${look}" x="${px(x)}" y="${y}" width="${px(width)}" height="${BAR}"><title>${phase}: ${duration(ms)}</title></rect>${label}`;
}

function tick(seconds: number, x: number, bottom: number, last: boolean): Markup {
  const text = Number.isInteger(seconds) ? count(seconds) : seconds.toFixed(1);
  return html`<line class="${seconds === 0 ? "axis" : "grid"}" x1="${px(x)}" x2="${px(x)}" y1="${TOP - 6}" y2="${bottom}"/>
<text class="muted middle" x="${px(x)}" y="${bottom + 16}">${last ? `${text} s` : text}</text>`;
}

/** Every phase that can be seen, in order. */
function legend(replicas: readonly Ended[]): readonly Markup[] {
  const longest = Math.max(...replicas.map(({ goneMs }) => goneMs));
  const seen = new Set(replicas.flatMap(partsOf).flatMap(({ phase, ms }) => (ms > longest / 200 ? phase : [])));
  const order = (phase: string) => LOOKS.indexOf(lookOf(phase));
  let x = LEFT;
  return [...seen]
    .sort((a, b) => order(a) - order(b))
    .map((phase) => {
      const entry = html`<rect class="phase ${lookOf(phase)}" x="${px(x)}" y="3" width="12" height="12"/>
<text class="muted" x="${px(x + 17)}" y="13">${phase}</text>`;
      x += 36 + phase.length * CHARACTER_PX;
      return entry;
    });
}

function lookOf(phase: string): Look {
  if (phase === REST) return "rest";
  const plain = phase.toLowerCase().replace(/[^a-z]/g, "");
  return PHASES.find((known) => known === plain) ?? "other";
}
