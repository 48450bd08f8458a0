/** Edits (one letter added, left out or changed) within which a name counts as misspelt. */
const FARTHEST = 2;
/** A name must begin like the setting: the environment is full of names that are nobody's mistake. */
const SHARED_START = 3;
const UNIT = /_(S|SECS?|SECONDS?|MS|MILLIS|MILLISECONDS)$/;

/**
 * One sentence for each name that is no setting but looks like one: within two edits (letter case and a unit at its end
 * left aside) and with the same start. One-word settings (`PORT`, `HOST`) are left out; too many names are near them.
 */
export function misspelled(names: readonly string[], variables: readonly string[]): string[] {
  const candidates = variables.filter((variable) => variable.includes("_"));
  return names
    .filter((name) => !variables.includes(name))
    .flatMap((name) => {
      const meant = nearest(name.toUpperCase(), candidates);
      return meant === undefined ? [] : [`${name} is not a setting; did you mean ${meant}?`];
    });
}

function nearest(name: string, candidates: readonly string[]): string | undefined {
  const start = name.slice(0, SHARED_START);
  let best: { variable: string; distance: number } | undefined;
  for (const variable of candidates) {
    if (!variable.startsWith(start)) continue;
    const distance = Math.min(edits(name, variable), edits(name.replace(UNIT, ""), variable.replace(UNIT, "")));
    if (distance <= FARTHEST && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { variable, distance };
  }
  return best?.variable;
}

/** Levenshtein distance, or infinity where the lengths alone are too far apart. */
function edits(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > FARTHEST) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, at(row, j) + 1, at(next, j - 1) + 1));
    }
    row = next;
  }
  return at(row, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
