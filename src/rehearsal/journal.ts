import { type Id, isId } from "../protocol/ids.js";
import { http } from "./http.js";
import { parsed, type ReadMark } from "./marks.js";
import type { Entry } from "./record.js";

const TIMEOUT_MS = 10_000;
/** The most that one answer gives. */
const PAGE = 1_000;

/** Where the journal stands; nothing where the service has none that can be asked. */
export async function headOf(items: URL, signal: AbortSignal): Promise<Id | undefined> {
  const page = await pageAfter(items, "now", 1, signal).catch(() => undefined);
  return page?.cursor;
}

/**
 * Everything after this id, as `GET /items` gives it. What the journal says is gone (410) is left out: it is missing.
 * @throws what the network says; an error when an answer is none
 */
export async function readJournal(
  items: URL,
  after: Id,
  mark: ReadMark,
  signal: AbortSignal,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (let cursor = after; ; ) {
    const page = await pageAfter(items, cursor, PAGE, signal);
    for (const { id, data } of page.items)
      if (typeof id === "string" && isId(id)) entries.push({ id, mark: mark(data) });
    if (page.cursor === cursor) return entries;
    cursor = page.cursor;
  }
}

interface Page {
  readonly items: readonly { readonly id?: unknown; readonly data?: unknown }[];
  readonly cursor: Id;
}

async function pageAfter(items: URL, after: Id | "now", limit: number, signal: AbortSignal): Promise<Page> {
  const url = new URL(items);
  url.searchParams.set("after", after);
  url.searchParams.set("limit", String(limit));
  const { status, body } = await http(url, { timeoutMs: TIMEOUT_MS }, signal);
  const answer: { readonly items?: unknown; readonly cursor?: unknown } = Object(parsed(body));
  const { cursor } = answer;
  const known = status === 200 || status === 410;
  if (!known || typeof cursor !== "string" || !isId(cursor))
    throw new Error(`GET ${url.pathname}: ${status} ${body.slice(0, 200)}`);
  return { items: Array.isArray(answer.items) ? answer.items : [], cursor };
}
