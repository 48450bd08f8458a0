import type { Mark } from "./record.js";

/** What a publisher puts into an item beside its mark. */
export interface Extra {
  /** Ms since the Unix epoch. */
  readonly at: number;
  readonly sentinel?: boolean;
  readonly padBytes: number;
}

/** An item's data, as JSON: it says whose and which it is, so that it can be followed wherever it turns up. */
export function dataOf(run: string, { publisher, n }: Mark, { at, sentinel = false, padBytes }: Extra): string {
  const pad = padBytes > 0 ? { pad: "x".repeat(padBytes) } : {};
  return JSON.stringify({ rehearsal: run, publisher, n, at, ...(sentinel && { sentinel }), ...pad });
}

/** The mark in an item's data; none in what is not of this run. */
export type ReadMark = (data: unknown) => Mark | undefined;

export function markReader(run: string): ReadMark {
  return (data) => {
    if (typeof data !== "object" || data === null) return undefined;
    const { rehearsal, publisher, n }: Readonly<Record<string, unknown>> = { ...data };
    if (rehearsal !== run || typeof publisher !== "string" || typeof n !== "number") return undefined;
    return { publisher, n };
  };
}

/** What a JSON text says; nothing when it is none (a text frame may be any words). */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
