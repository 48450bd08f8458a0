/** Elements that have no end. */
const VOID = new Set(["meta"]);
const TAG = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y;

export interface Read {
  /** Every start tag's name, in order. */
  readonly tags: readonly string[];
  /** Values of attributes, by their names. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  readonly faults: readonly string[];
}

/** Reads a document as strictly as XML is: every tag ends, quotes are there, `<` and `&` stand for nothing else. */
export function readMarkup(document: string): Read {
  const faults: string[] = [];
  const tags: string[] = [];
  const attributes = new Map<string, string[]>();
  const open: string[] = [];
  const [doctype = ""] = /^<!doctype html>\n/.exec(document) ?? [];
  for (let at = doctype.length; at < document.length; ) {
    const next = document.indexOf("<", at);
    const words = document.slice(at, next < 0 ? undefined : next);
    if (open.at(-1) !== "style" && /&(?!(?:amp|lt|gt|quot|#39|middot);)/.test(words)) faults.push(`bare & in ${words}`);
    if (next < 0) break;
    TAG.lastIndex = next;
    const [whole, end, name = "", rest = "", empty] = TAG.exec(document) ?? [];
    if (whole === undefined) return { tags, attributes, faults: [...faults, document.slice(next, next + 60)] };
    at = next + whole.length;
    if (end === "/") {
      const opened = open.pop();
      if (opened !== name) faults.push(`</${name}> ends <${opened}>`);
      continue;
    }
    tags.push(name);
    if (empty !== "/" && !VOID.has(name)) open.push(name);
    for (const [, key = "", value = ""] of rest.matchAll(/([\w:-]+)="([^"]*)"/g)) {
      attributes.set(key, [...(attributes.get(key) ?? []), value]);
    }
  }
  return { tags, attributes, faults: [...faults, ...open.map((name) => `<${name}> never ends`)] };
}
