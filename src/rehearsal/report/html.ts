import type { Report } from "../findings.js";
import { checksOf, furtherReasons, headlinesOf, shortened } from "./checks.js";
import { evidenceOf, resultsOf, settingsOf, stepsOf, timesOf } from "./content.js";
import { html, type Markup } from "./markup.js";
import { picturesOf } from "./pictures.js";
import { STYLE } from "./style.js";
import { type Cell, markOf, type Table, textOf } from "./table.js";
import { evidenceText, SIGNS } from "./terminal.js";
import { duration, moment } from "./units.js";

const MOST_EVIDENCE = 5;
/** The report loads nothing and runs nothing, and says so to the browser. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The report as one file that needs nothing else: no script, no network, no fonts. */
export function htmlReport(report: Report): string {
  const { verdict, startedAt, durationMs, lastcall } = report;
  const results = resultsOf(report);
  const narrow = results.filter(({ columns }) => columns.length <= 2);
  const wide = results.filter((one) => !narrow.includes(one));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rehearsal: ${verdict.type}, ${startedAt}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="kicker"><b>lastcall rehearse</b> &middot; <time datetime="${startedAt}">${dateOf(startedAt)}</time> &middot; took ${duration(durationMs)} &middot; lastcall ${lastcall}</p>
${verdictBox(report)}
${figures(report)}
</header>
${firstEvidence(report)}
<section><h2>What happened</h2>
${figuresOf(report)}
${titled(stepsOf(report))}
</section>
<section><h2>What was judged</h2>
${table(checksOf(report))}
</section>
<section><h2>Results</h2>
${wide.map(titled)}
<div class="pair">${narrow.map((one) => html`<div>${titled(one)}</div>`)}</div>
</section>
<section><h2>Times</h2>
${timesOf(report).map(titled)}
</section>
${allEvidence(report)}
<section><h2>How it was done</h2>
<div class="pair">${settingsOf(report).map((one) => html`<div>${titled(one)}</div>`)}</div>
</section>
<footer>Every figure was measured in this run. Times are counted from the start of the rehearsal. Exit code ${verdict.exitCode}.</footer>
</main>
</body>
</html>
`.text;
}

function verdictBox(report: Report): Markup {
  const { verdict } = report;
  const reasons = furtherReasons(report);
  return html`<div class="verdict ${verdict.type}">
<p class="word">${SIGNS[verdict.type]} ${verdict.type}</p>
<h1>${shortened(verdict.text)}</h1>
${reasons.length > 0 ? html`<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>` : undefined}
${verdict.worth === undefined ? undefined : html`<p>What it is worth: ${verdict.worth}.</p>`}
</div>`;
}

function figures(report: Report): Markup {
  const entries = headlinesOf(report).map(
    ({ name, cell }) => html`<div><dt>${name}</dt><dd class="${markOf(cell)}">${content(cell)}</dd></div>`,
  );
  return html`<dl class="figures">${entries}</dl>`;
}

function firstEvidence({ findings }: Report): Markup | undefined {
  const first = findings.evidence.filter(({ judged }) => judged).slice(0, MOST_EVIDENCE);
  if (first.length === 0) return undefined;
  const entries = first.map(
    (one) =>
      html`<li><span>${moment(one.at)}</span><div><b>${one.kind.replaceAll("_", " ")}</b> ${evidenceText(one)}</div></li>`,
  );
  return html`<section><h2>First evidence</h2><ol class="evidence">${entries}</ol></section>`;
}

function allEvidence(report: Report): Markup | undefined {
  const all = evidenceOf(report);
  return all.rows.length === 0 ? undefined : html`<section><h2>Evidence</h2>${table(all)}</section>`;
}

function figuresOf(report: Report): readonly Markup[] {
  return picturesOf(report).map(
    ({ title, text, picture }) =>
      html`<figure><figcaption><b>${title}</b><span>${text}</span></figcaption>${scroller(title, picture)}</figure>\n`,
  );
}

/** What is wider than a small screen is moved by touch or, once it has the focus, by keys. */
function scroller(name: string, inside: Markup): Markup {
  return html`<div class="wide" role="region" aria-label="${name}" tabindex="0">${inside}</div>`;
}

function titled(one: Table): Markup | undefined {
  if (one.rows.length === 0) return undefined;
  const note = one.note === undefined ? undefined : html`<p class="note">${one.note}</p>`;
  return html`<h3>${one.title}</h3>${note}${table(one)}`;
}

function table({ title, columns, rows }: Table): Markup {
  const head = columns.map(({ name, align }) => html`<th scope="col"${numeric(align)}>${name}</th>`);
  const body = rows.map(
    (row) =>
      html`<tr>${row.map((cell, i) => html`<td${classes(cell, columns[i]?.align)}>${content(cell)}</td>`)}</tr>\n`,
  );
  return scroller(title, html`<table><thead><tr>${head}</tr></thead>\n<tbody>${body}</tbody></table>`);
}

function numeric(align: "left" | "right"): Markup | undefined {
  return align === "right" ? html` class="number"` : undefined;
}

function classes(cell: Cell, align: "left" | "right" = "left"): Markup | undefined {
  const names = [...(align === "right" ? ["number"] : []), ...(markOf(cell) ?? "").split(" ").filter(Boolean)];
  return names.length === 0 ? undefined : html` class="${names.join(" ")}"`;
}

/** Good and bad are said by a sign, too. */
function content(cell: Cell): string {
  const mark = markOf(cell);
  if (mark === undefined) return textOf(cell);
  return `${mark === "good" ? SIGNS.pass : SIGNS.fail} ${textOf(cell)}`;
}

/** `2026-01-01 12:00 UTC`: read everywhere, whatever the reader's language is. */
function dateOf(iso: string): string {
  return iso.replace(/^(.{10})T(.{5}).*Z$/, "$1 $2 UTC");
}
