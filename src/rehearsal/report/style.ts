import { Markup } from "./markup.js";

/**
 * The report's looks. Two hues carry the pictures, blue and orange, which everybody can tell apart; green and red are the
 * verdict's alone, and always stand beside a sign and a word. Paper is light, whatever the screen is.
 */
const LIGHT = `
--ground: #fff; --surface: #f5f7f9; --ink: #1b1f24; --muted: #59636e; --line: #dde2e8; --round: #eceff3;
--pass: #11663a; --pass-ground: #e8f5ed; --fail: #a1161d; --fail-ground: #fdeeee; --unsure: #744a00; --unsure-ground: #fff5df;
--even0: #a9cbea; --even1: #86b5df; --even2: #c6dcf1; --odd0: #f4c992; --odd1: #ecb26a; --odd2: #f9dcb6; --unknown: #d3d8de;
--on-area: #14181d; --seam: #fff; --bar: #2f6fab; --bar2: #b86a12;
--close: #2f6fab; --on-close: #fff; --window: #c6dcf1; --prestop: #e3e7ec; --finish: #7d8894; --requests: #ecb26a; --release: #4d5762;
`;
const DARK = `
--ground: #0f1317; --surface: #171c22; --ink: #e7ebf0; --muted: #9ba6b2; --line: #2a323b; --round: #1a2028;
--pass: #74dba0; --pass-ground: #10271a; --fail: #ff9a98; --fail-ground: #331517; --unsure: #f2c46d; --unsure-ground: #2d220d;
--even0: #2b5c8a; --even1: #1f4a73; --even2: #386b9b; --odd0: #8a5a1c; --odd1: #704614; --odd2: #9c6a28; --unknown: #3d4650;
--on-area: #fff; --seam: #0f1317; --bar: #6aa9e0; --bar2: #e0a04e;
--close: #6aa9e0; --on-close: #0b1117; --window: #2b4d6e; --prestop: #2c343d; --finish: #8d99a5; --requests: #b0762b; --release: #aeb8c2;
`;

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';

const COLOURS = `
:root { color-scheme: light; ${LIGHT} }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; ${DARK} } }
`;

const PAGE = `
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 ${FONT}; }
main { max-width: 1000px; margin: 0 auto; padding: 28px 20px 56px; }
.kicker, .note, footer { color: var(--muted); font-size: 13px; }
.kicker { margin: 0 0 14px; }
.kicker b { color: var(--ink); }
.verdict { border-left: 6px solid; border-radius: 6px; padding: 16px 20px 14px; }
.verdict.pass { color: var(--pass); background: var(--pass-ground); }
.verdict.fail { color: var(--fail); background: var(--fail-ground); }
.verdict.inconclusive { color: var(--unsure); background: var(--unsure-ground); }
.verdict .word { margin: 0 0 2px; font-weight: 700; letter-spacing: .04em; text-transform: uppercase; font-size: 13px; }
.verdict h1 { margin: 0; font-size: 21px; line-height: 1.35; font-weight: 600; color: var(--ink); overflow-wrap: anywhere; text-wrap: pretty; }
.verdict p, .verdict ul { margin: 8px 0 0; color: var(--ink); }
.verdict ul { padding-left: 20px; }
dl.figures { display: flex; flex-wrap: wrap; gap: 1px; margin: 18px 0 0; background: var(--line); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
dl.figures div { flex: 1 1 112px; display: flex; flex-direction: column-reverse; justify-content: flex-end; padding: 10px 12px; background: var(--ground); }
dl.figures dt { color: var(--muted); font-size: 12px; line-height: 1.35; }
dl.figures dd { margin: 0; font-size: 22px; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
h2 { margin: 40px 0 12px; font-size: 18px; line-height: 1.3; }
h3 { margin: 24px 0 4px; font-size: 15px; line-height: 1.3; }
.note { margin: 0 0 6px; }
ol.evidence { margin: 0; padding: 0; list-style: none; }
ol.evidence li { display: grid; grid-template-columns: 64px 1fr; gap: 0 12px; padding: 7px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
ol.evidence li > span { color: var(--muted); text-align: right; font-variant-numeric: tabular-nums; }
ol.evidence b { color: var(--fail); font-weight: 600; }
figure { margin: 0 0 20px; }
figcaption { margin-bottom: 4px; }
figcaption b { display: block; }
figcaption span { color: var(--muted); font-size: 13px; }
.wide { overflow-x: auto; }
.wide svg { display: block; width: 100%; min-width: 680px; height: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 0 5px 22px; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--muted); font-weight: 500; border-bottom-color: var(--muted); }
th:first-child, td:first-child { padding-left: 0; }
.number { text-align: right; white-space: nowrap; width: 1%; }
td { overflow-wrap: break-word; }
td.good, dd.good { color: var(--pass); }
td.bad, dd.bad { color: var(--fail); font-weight: 700; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 0 40px; align-items: start; }
footer { margin-top: 40px; padding-top: 12px; border-top: 1px solid var(--line); }
`;

const PICTURES = `
svg text { font-size: 12px; fill: var(--ink); }
svg .muted { fill: var(--muted); }
svg .bad { fill: var(--fail); font-weight: 700; }
svg .strong { font-weight: 600; }
svg .halo { paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round; }
svg .middle { text-anchor: middle; }
svg .end { text-anchor: end; }
.grid { stroke: var(--line); }
.axis { stroke: var(--muted); }
.round { fill: var(--round); }
.area { stroke: var(--seam); stroke-width: 1; stroke-linejoin: round; }
.even0 { fill: var(--even0); } .even1 { fill: var(--even1); } .even2 { fill: var(--even2); }
.odd0 { fill: var(--odd0); } .odd1 { fill: var(--odd1); } .odd2 { fill: var(--odd2); }
.unknown, .other { fill: var(--unknown); }
svg .on-even, svg .on-odd, svg .on-unknown { fill: var(--on-area); }
.bar-reconnects { fill: var(--bar); }
.bar-pauses { fill: var(--bar2); }
.phase { stroke: var(--seam); stroke-width: 1; }
.prestop { fill: var(--prestop); } .window, .linger { fill: var(--window); } .announce, .finish { fill: var(--finish); }
.close { fill: var(--close); } .requests { fill: var(--requests); } .release { fill: var(--release); }
.rest { fill: none; stroke: var(--muted); stroke-dasharray: 3 2; }
svg .on-close { fill: var(--on-close); }
svg .on-finish, svg .on-announce, svg .on-release { fill: var(--ground); }
`;

const PRINT = `
@page { margin: 14mm 13mm; }
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2, h3, figcaption, .note { break-after: avoid; }
  figure, tr, .verdict, dl.figures, ol.evidence li { break-inside: avoid; }
  .wide { overflow: visible; }
  .wide svg { min-width: 0; }
  dl.figures { flex-wrap: nowrap; }
  dl.figures div { flex-basis: 0; padding: 8px; }
  dl.figures dd { font-size: 15pt; }
  table { font-size: 8.5pt; }
  th, td { padding-left: 14px; }
  .pair { grid-template-columns: 1fr 1fr; gap: 0 28px; }
  .kicker, .note, footer, figcaption span { font-size: 8.5pt; }
}
`;

/** Of the HTML report. */
export const STYLE = new Markup(COLOURS + PAGE + PICTURES + PRINT);

/** Of the pictures alone. */
export const SVG_STYLE = new Markup(`${COLOURS}${PICTURES}
svg { font-family: ${FONT}; }
.ground { fill: var(--ground); }
svg .title { font-size: 15px; font-weight: 600; }
svg .pass { fill: var(--pass); }
svg .fail { fill: var(--fail); }
svg .inconclusive { fill: var(--unsure); }
`);
