import { parsed } from "../../../src/rehearsal/marks.js";

/** Reads a service that sends each item's JSON as one frame: for `lastcall rehearse --adapter`. */
export function read(frame: string): { readonly key: string; readonly n: number } | undefined {
  return itemOf(parsed(frame));
}

export function itemOf(data: unknown): { readonly key: string; readonly n: number } | undefined {
  const { publisher, n }: Readonly<Record<string, unknown>> = Object(data);
  return typeof publisher === "string" && typeof n === "number" ? { key: publisher, n } : undefined;
}
