import { LastcallError } from "../base/errors.js";

/** What Redis's refusals mean, by the word they begin with. */
const REFUSALS: Readonly<Record<string, string>> = {
  READONLY: "it is a replica",
  OOM: "it is out of memory",
  LOADING: "it is loading its data",
  NOREPLICAS: "it has too few replicas",
  MISCONF: "it cannot save to its disk",
  NOAUTH: "it wants a password",
  WRONGPASS: "it does not take this user and password",
  NOPERM: "its user may not do what a journal needs",
  CLUSTERDOWN: "its cluster is down",
  MASTERDOWN: "it is a replica that has lost its master",
  BUSY: "it is busy with a script",
};

const WORDS = new RegExp(`\\b(${Object.keys(REFUSALS).join("|")})\\b`);

/** The error every failure of Redis becomes. */
export function unavailable(why: string): LastcallError {
  return new LastcallError("journal_unavailable", `The journal's Redis cannot be used: ${why}.`);
}

/**
 * A failure in words that can be told and logged; undefined when the failure itself does not say why. Never the original
 * error: ioredis hangs the command and its arguments on it, the password of `AUTH` among them, and Redis repeats them in
 * some of its messages.
 */
export function explain(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (thrown.name === "ReplyError") {
    // Inside the text, where an older Redis tells of a command in a script.
    const word = WORDS.exec(thrown.message)?.[1] ?? /^[A-Z]+/.exec(thrown.message)?.[0] ?? "no code";
    return `${REFUSALS[word] ?? "it refused a command"} (${word})`;
  }
  if (thrown.message.startsWith("Socket timeout")) return "it did not answer in time";
  // The system's and OpenSSL's: they name the address and the reason.
  if ("code" in thrown && typeof thrown.code === "string") return thrown.message || thrown.code;
  return undefined;
}
