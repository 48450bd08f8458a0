import type { Distribution } from "./findings.js";

/** Percentiles by nearest rank: always values that were measured, never something between two of them. */
export function distribution(values: Iterable<number>): Distribution {
  const sorted = Float64Array.from(values).sort();
  return { count: sorted.length, p50: rank(sorted, 50), p99: rank(sorted, 99), max: sorted.at(-1) ?? 0 };
}

function rank(sorted: Float64Array, percent: number): number {
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? 0;
}

/** The most of these moments (ms) within a span, and where that span begins. */
export function busiest(moments: readonly number[], spanMs: number): { readonly count: number; readonly at: number } {
  const sorted = Float64Array.from(moments).sort();
  let best = { count: 0, at: 0 };
  let from = 0;
  for (const [i, at] of sorted.entries()) {
    while (at - (sorted[from] ?? at) >= spanMs) from += 1;
    if (i - from + 1 > best.count) best = { count: i - from + 1, at: sorted[from] ?? at };
  }
  return best;
}

/**
 * The rule of three: what never happened in n independent trials happens, with 95 % confidence, in fewer than 3/n of
 * them (Hanley and Lippman-Hand, JAMA 249, 1983). Undefined below 4 trials, where it bounds nothing.
 */
export function belowAt95(trials: number): number | undefined {
  return trials > 3 ? 3 / trials : undefined;
}
