import { type Id, isId } from "../protocol/ids.js";
import type { Appended, Entry, Page } from "./port.js";
import { unavailable } from "./redis-errors.js";
import { TOO_MANY } from "./redis-script.js";
import { tooManyStreams } from "./refusals.js";

/** The answers of the append script. */
export function toAppended(answer: unknown, maxStreams: number): readonly Appended[] {
  return toList(answer, maxStreams).map((one) => {
    const text = String(one);
    const id = toId(text.slice(1));
    if (text.startsWith("!")) return { type: "key_reused", id };
    return { type: "appended", id, repeated: text.startsWith("=") };
  });
}

/** One page of the read script's answer. */
export function toPage(answer: unknown, maxStreams: number): Page {
  const [kind, afterText, baseText, headText, ...rest] = toList(answer, maxStreams);
  const [after, base, head] = [toId(afterText), toId(baseText), toId(headText)];
  if (kind === "trimmed") return { type: "gap", after, cursor: base, reason: "trimmed", head };
  if (kind === "replaced") return { type: "gap", after, cursor: head, reason: "replaced", head };
  const entries: Entry[] = [];
  for (let i = 0; i + 2 < rest.length; i += 3) {
    entries.push({ id: toId(rest[i]), at: Number(rest[i + 1]), data: String(rest[i + 2]) });
  }
  return { type: "entries", after, entries, head };
}

export function toList(answer: unknown, maxStreams: number): readonly unknown[] {
  if (Array.isArray(answer)) return answer;
  if (answer === TOO_MANY) throw tooManyStreams(maxStreams);
  throw unavailable("its answer was not understood");
}

function toId(value: unknown): Id {
  if (typeof value === "string" && isId(value)) return value;
  throw unavailable("its keys hold what no journal wrote");
}
