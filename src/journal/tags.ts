import { randomFillSync } from "node:crypto";
import { TAG_LENGTH } from "../protocol/ids.js";

const DIGITS = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz", "latin1");
/** Bytes from here up are thrown away: 252 is the last multiple of 36 in a byte, so every digit stays equally likely. */
const FAIR = 256 - (256 % DIGITS.length);
/** Random bytes fetched at a time: one system call serves some 500 tags. */
const POOL_BYTES = 4096;

/**
 * Makes a source of random tags, `TAG_LENGTH` base-36 digits each. Tags tell entries apart, they keep no secret.
 * `fill` overwrites the array with random bytes; default: the platform's cryptographic source.
 */
export function createTags(fill: (bytes: Uint8Array) => unknown = randomFillSync): () => string {
  const pool = Buffer.alloc(POOL_BYTES);
  let digits = "";
  let next = 0;
  return () => {
    while (next + TAG_LENGTH > digits.length) {
      fill(pool);
      digits = digits.slice(next) + toDigits(pool);
      next = 0;
    }
    next += TAG_LENGTH;
    return digits.slice(next - TAG_LENGTH, next);
  };
}

/** The bytes as digits; overwrites them on the way. */
function toDigits(bytes: Buffer): string {
  let count = 0;
  for (const byte of bytes) {
    if (byte < FAIR) bytes[count++] = DIGITS[byte % DIGITS.length] ?? 0;
  }
  return bytes.toString("latin1", 0, count);
}
