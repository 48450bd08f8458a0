import type { Clock } from "../base/clock.js";
import { LastcallError } from "../base/errors.js";
import { JOURNAL_DEFAULTS, type Journal, type JournalOptions } from "./port.js";

type Open = (url: string, options: JournalOptions, clock: Clock) => Promise<Journal>;

/** The backends by their URL's scheme; each is loaded only when its URL asks for it. */
const BACKENDS: ReadonlyMap<string, { readonly form: string; readonly open: Open }> = new Map([
  [
    "memory",
    {
      form: "memory:",
      async open(url, options, clock) {
        if (url.length > "memory:".length) throw refusal("The journal URL memory: takes nothing after the colon.");
        const { MemoryJournal } = await import("./memory.js");
        return new MemoryJournal(options, clock);
      },
    } satisfies { form: string; open: Open },
  ],
]);

/** A scheme (RFC 3986 section 3.1) whose rest cannot be `password@host`: then what looks like one is a user's name. */
const SCHEME = /^([a-z][a-z0-9+.-]{0,31}):(?:\/\/|[^@]*$)/i;

const LEAST: Readonly<Record<keyof JournalOptions, number>> = {
  retentionItems: 0,
  retentionMs: 0,
  keyTtlMs: 1,
  maxStreams: 1,
};

/**
 * Opens the journal that `url` names (`memory:`). Options left out have `JOURNAL_DEFAULTS`. Rejects with
 * `invalid_settings` when no backend takes the URL, of which it repeats no more than the scheme (a URL may hold a
 * password), or when an option is not a whole number in its range.
 */
export async function openJournal(url: string, options: Partial<JournalOptions>, clock: Clock): Promise<Journal> {
  const settings = { ...JOURNAL_DEFAULTS, ...options };
  checkOptions(settings);
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase();
  const backend = BACKENDS.get(scheme ?? "");
  if (backend !== undefined) return backend.open(url, settings, clock);
  const accepted = [...BACKENDS.values()].map(({ form }) => form).join(", ");
  throw refusal(
    scheme === undefined
      ? `The journal URL has no scheme; accepted: ${accepted}`
      : `No journal backend takes URLs of the scheme ${scheme}: ; accepted: ${accepted}`,
  );
}

function checkOptions(options: JournalOptions): void {
  const faults: string[] = [];
  for (const name of ["retentionItems", "retentionMs", "keyTtlMs", "maxStreams"] as const) {
    if (Number.isSafeInteger(options[name]) && options[name] >= LEAST[name]) continue;
    faults.push(`${name} must be a whole number of at least ${LEAST[name]}, got ${options[name]}`);
  }
  if (faults.length > 0) throw refusal(faults.join("; "));
}

function refusal(message: string): LastcallError {
  return new LastcallError("invalid_settings", message);
}
