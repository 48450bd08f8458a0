/** Figures as people read them. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** `median (min to max)`, with `digits` decimals. */
export function spread(values: readonly number[], digits: number): string {
  const at = (value: number) => value.toFixed(digits);
  return `${at(median(values))} (${at(Math.min(...values))} to ${at(Math.max(...values))})`;
}

export function ratio(values: readonly number[], base: readonly number[] | undefined): string {
  return base === undefined ? "" : `${(median(values) / median(base)).toFixed(2)} x`;
}

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

/** The sentence under a table: whether the goal, to be no more than so much, holds for the figure that was measured. */
export function verdict(what: string, measured: number, goal: number, unit: string, digits: number): string {
  const met = measured <= goal ? "met" : "not met";
  return `Goal: ${what} <= ${goal} ${unit}; measured ${measured.toFixed(digits)} ${unit}: ${met}.`;
}

/** The same of a goal to be no less than so much. */
export function atLeast(what: string, measured: number, goal: number, unit: string, digits: number): string {
  const met = measured >= goal ? "met" : "not met";
  return `Goal: ${what} >= ${goal} ${unit}; measured ${measured.toFixed(digits)} ${unit}: ${met}.`;
}

/** Rounds in turn, the order reversed every other time, so that no server always has the warmer machine. */
export async function alternating<T>(
  rounds: number,
  subjects: readonly T[],
  run: (subject: T) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) await run(subject);
  }
}
