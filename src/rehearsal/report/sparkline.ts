const BARS = "▁▂▃▄▅▆▇█";

/** At most this many characters. */
export const SPARKS = 72;

/**
 * A row of numbers as one line of text; `top` is a full bar, nothing is a blank. A character stands for the greatest of its
 * numbers, so that a short peak is seen.
 */
export function sparkline(values: readonly number[], top: number): string {
  return bins(values, SPARKS)
    .map((bin) => Math.max(0, ...bin))
    .map((value) => (value <= 0 ? " " : (BARS[Math.min(7, Math.floor((value / top) * 8))] ?? "█")))
    .join("");
}

/** Neighbours put together, so that there are `most` bins at most, all of the same size but the last. */
export function bins<T>(values: readonly T[], most: number): readonly (readonly T[])[] {
  const size = Math.max(1, Math.ceil(values.length / most));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) => values.slice(i * size, (i + 1) * size));
}
