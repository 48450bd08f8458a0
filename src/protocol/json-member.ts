/**
 * The text of one member of a JSON object, byte for byte as it stands there: parsing and writing it anew would change
 * numbers, escapes and white space. `json` is known to be JSON and to be an object. Of members of one name the last
 * counts, as it does for `JSON.parse`. Undefined when there is none.
 */
export function memberText(json: string, name: string): string | undefined {
  let found: string | undefined;
  let at = skipSpace(json, json.indexOf("{") + 1);
  while (json[at] === '"') {
    const keyEnd = endOfString(json, at);
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = endOfValue(json, start);
    if (isName(json.slice(at, keyEnd), name)) found = json.slice(start, end);
    at = skipSpace(json, end);
    if (json[at] !== ",") break;
    at = skipSpace(json, at + 1);
  }
  return found;
}

function isName(quoted: string, name: string): boolean {
  return quoted.includes("\\") ? JSON.parse(quoted) === name : quoted.slice(1, -1) === name;
}

/** Past the closing quote of the string that opens at `at`. */
function endOfString(json: string, at: number): number {
  let quote = at;
  do {
    quote = json.indexOf('"', quote + 1);
  } while (quote >= 0 && isEscaped(json, quote));
  return quote < 0 ? json.length : quote + 1;
}

/** A quote is escaped when an odd number of backslashes stands before it. */
function isEscaped(json: string, at: number): boolean {
  let slash = at - 1;
  while (json[slash] === "\\") slash -= 1;
  return (at - slash) % 2 === 0;
}

function endOfValue(json: string, start: number): number {
  const first = json[start];
  if (first === '"') return endOfString(json, start);
  if (first === "{" || first === "[") return endOfNested(json, start);
  let at = start;
  while (at < json.length && !",}] \t\n\r".includes(json.charAt(at))) at += 1;
  return at;
}

function endOfNested(json: string, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length; ) {
    const char = json[at];
    if (char === '"') {
      at = endOfString(json, at);
      continue;
    }
    if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
  return json.length;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (at < json.length && " \t\n\r".includes(json.charAt(at))) at += 1;
  return at;
}
