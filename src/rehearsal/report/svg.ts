import type { Report } from "../findings.js";
import { shortened } from "./checks.js";
import { WIDTH } from "./frame.js";
import { html } from "./markup.js";
import { picturesOf } from "./pictures.js";
import { SVG_STYLE } from "./style.js";
import { SIGNS } from "./terminal.js";

const EDGE = 20;
/** For the verdict, and for a picture's title and text. */
const HEAD = 24;
const LINE = 20;
const TITLE = 46;
const BELOW = 16;
/** What fits into a line of the verdict. */
const CHARACTERS = 115;

const WORDS = new RegExp(`.{1,${CHARACTERS}}(?= |$)|.{${CHARACTERS}}`, "gu");

/** The verdict and the pictures alone, as one image that needs nothing else, for a README. */
export function svgReport(report: Report): string {
  const { type, text } = report.verdict;
  const lines = shortened(`${SIGNS[type]} ${type.toUpperCase()}: ${text}`).match(WORDS) ?? [];
  let y = EDGE + HEAD + lines.length * LINE;
  const pictures = picturesOf(report).map(({ title, text: note, picture }) => {
    const at = y;
    y += TITLE + picture.height + BELOW;
    return html`<g transform="translate(${EDGE} ${at})">
<text class="title" y="14">${title}</text><text class="muted" y="32">${note}</text>
<g transform="translate(0 ${TITLE})">${picture}</g>
</g>
`;
  });
  return html`<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH + 2 * EDGE}" height="${y}" viewBox="0 0 ${WIDTH + 2 * EDGE} ${y}">
<title>Rehearsal: ${type}</title>
<style>${SVG_STYLE}</style>
<rect class="ground" width="100%" height="100%"/>
${lines.map((line, i) => html`<text class="title ${type}" x="${EDGE}" y="${EDGE + 18 + i * LINE}">${line.trim()}</text>`)}
${pictures}</svg>
`.text;
}
