import { createHash } from "node:crypto";
import type { Publication } from "./port.js";

/** Data up to this long (UTF-16 units) stands for itself; a digest would be no shorter. */
const KEEP_LENGTH = 22;

/** The names of the journal's keys in Redis. */
export class Keys {
  /** The hash of all streams. */
  readonly streams: string;
  /** What `check` writes. */
  readonly probe: string;
  readonly #tag: string;

  /** The prefix is the hash tag too: one for the whole journal, so that one blocking read can name all its streams. */
  constructor(prefix: string) {
    this.#tag = `{${prefix}}`;
    this.streams = `${this.#tag}:streams`;
    this.probe = `${this.#tag}:check`;
  }

  stream(name: string): string {
    return `${this.#tag}:s:${name}`;
  }

  /** As JSON, which keeps publisher and key apart and has no lone surrogates. */
  publication(stream: string, { publisher, key }: Publication): string {
    return `${this.#tag}:k:${stream}:${JSON.stringify([publisher, key])}`;
  }

  /** Wakes one process's blocking read. */
  bell(process: string): string {
    return `${this.#tag}:bell:${process}`;
  }
}

/**
 * Stands for the data when it is compared: itself, or 132 bits of its digest, behind a sign that no JSON text begins
 * with. With the id it still fits into the 44 bytes that Redis keeps in one allocation.
 */
export function fingerprint(data: string): string {
  if (data.length <= KEEP_LENGTH) return data;
  return `#${createHash("sha256").update(data).digest("base64").slice(0, KEEP_LENGTH)}`;
}
