import { printable } from "../../base/printable.js";

/** Text that is HTML (or SVG) already. Only `html` makes it, and everything put into it has been escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | undefined | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A template whose values are escaped, for elements' content and quoted attributes; `undefined` is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, i) => part + (i < values.length ? textOf(values[i]) : "")).join(""));
}

function textOf(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "number") return String(content);
  if (typeof content === "string") return escaped(content);
  return content.map(textOf).join("");
}

/** Control characters and half characters would not be valid in a document, and marks that turn the reading direction mislead. */
function escaped(text: string): string {
  return printable(text.replace(/\p{Cs}/gu, "\ufffd")).replace(/[&<>"']/g, (c) => ENTITIES[c] ?? "");
}
