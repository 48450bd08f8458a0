/** Control characters, foreign line ends, and the marks that turn the reading direction. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** `text` with what is not meant to be seen as escapes, so that a peer cannot write lines of its own into a log. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A URL without user and password: logs are read by more people than those are meant for. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, "//***@");
}
