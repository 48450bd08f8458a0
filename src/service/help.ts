import type { Described } from "./setting.js";
import { GROUPS, VARIABLES } from "./settings.js";

const WIDTH = 100;
const INDENT = "  ";
const COLUMN = Math.max(...VARIABLES.map((variable) => variable.length)) + 2 * INDENT.length;

/** Every setting with what it takes and its default, for `lastcall serve --help`; no line is over 100 columns. */
export function settingsHelp(): string {
  const groups = GROUPS.map(({ title, settings }) => [title, ...settings.flatMap(entry)].join("\n"));
  return ["Settings are environment variables; an empty one counts as unset.", ...groups].join("\n\n");
}

function entry({ variable, text, form, shown }: Described): string[] {
  const lines = wrap(`${text} (${form}; default ${shown})`, WIDTH - COLUMN);
  return lines.map((line, index) => `${index === 0 ? `${INDENT}${variable}` : ""}`.padEnd(COLUMN) + line);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** The same as one Markdown table, for the README. */
export function settingsTable(): string {
  const rows = GROUPS.flatMap(({ title, settings }) => [
    `| **${title}** | | | |`,
    ...settings.map(({ variable, shown, form, text }) => `| \`${variable}\` | ${code(shown)} | ${form} | ${text} |`),
  ]);
  return ["| Variable | Default | Takes | What it does |", "|---|---|---|---|", ...rows].join("\n");
}

/** Defaults that stand for themselves are code; `the host name` and `unset` are words. */
function code(shown: string): string {
  return shown.includes(" ") || shown === "unset" ? shown : `\`${shown}\``;
}
