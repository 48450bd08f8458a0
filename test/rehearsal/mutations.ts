import type { FaultKind } from "../../src/rehearsal/findings.js";
import type { ClientRecord, Mark, Published, RunRecord, Sighting } from "../../src/rehearsal/record.js";

/** A run in which one thing is broken, and what has to be found. */
export interface Broken {
  readonly run: RunRecord;
  readonly kind: FaultKind;
  readonly who: string;
  readonly count: number;
}

type Mutation = (run: RunRecord, choice: number) => Broken | undefined;
type Item = Extract<Sighting, { readonly type: "item" }>;

/** Ways to break one item of a run, of which `choice` picks a place; undefined where there is none. */
export const mutations: Readonly<Record<string, Mutation>> = {
  dropped: frames("lost", (sightings, { item }) => sightings.filter((seen) => seen !== item)),
  repeated: frames("repeated", (sightings, { item, next }) =>
    sightings.flatMap((seen) => (seen === next ? [{ ...item, at: next.at }, next] : [seen])),
  ),
  swapped: frames("out_of_order", (sightings, { item, next }) =>
    sightings.map((seen) => {
      if (seen === item) return { ...next, at: item.at };
      return seen === next ? { ...item, at: next.at } : seen;
    }),
  ),
  "given in another's place": frames("foreign", (sightings, { item }) =>
    sightings.flatMap((seen) => (seen === item ? [item, { ...item, mark: { publisher: "nobody", n: 1 } }] : [seen])),
  ),
  "acked in another's place": (run, choice) => {
    const item = pick(acked(run), choice);
    // Without a journal and without ids among the clients nobody knows where an item is.
    if (item?.outcome.type !== "acked" || (run.journal === undefined && !run.clients.some(resumes))) return undefined;
    const outcome = { ...item.outcome, id: "7-misplacd" as const };
    return inJournal(
      run,
      item,
      run.published.map((other) => (other === item ? { ...item, outcome } : other)),
    );
  },
  "acked and forgotten": (run, choice) => {
    const item = pick(acked(run), choice);
    if (item === undefined || run.journal === undefined) return undefined;
    const isIt = (mark: Mark | undefined) => mark?.publisher === item.publisher && mark.n === item.n;
    // The append never was: the numbers after it are one less.
    const place = run.journal.findIndex(({ mark }) => isIt(mark));
    const entry = run.journal[place];
    if (place < 0 || entry === undefined) return undefined;
    const journal = run.journal.with(place, { id: entry.id, mark: undefined });
    const clients = run.clients.map((client) => ({
      ...client,
      sightings: client.sightings.map((seen) =>
        seen.type === "item" && isIt(seen.mark) ? { ...seen, mark: undefined } : seen,
      ),
      ...(client.given && { given: client.given.map((g) => (isIt(g.mark) ? { ...g, mark: undefined } : g)) }),
    }));
    return { ...inJournal(run, item, run.published), run: { ...run, journal, clients } };
  },
};

function inJournal(run: RunRecord, item: Published, published: readonly Published[]): Broken {
  return { run: { ...run, published }, kind: "ack_broken", who: `publisher ${item.publisher}`, count: 1 };
}

/** Acked items, but for the sentinel. */
function acked(run: RunRecord): readonly Published[] {
  const isSentinel = ({ publisher, n }: Published) =>
    run.sentinels.some((mark) => mark.publisher === publisher && mark.n === n);
  return run.published.filter((item) => item.outcome.type === "acked" && !isSentinel(item));
}

/**
 * Breaks one item that a client was given, and that is neither the first nor the last of its connection, nor one that
 * nobody need have been given.
 */
function frames(
  kind: FaultKind,
  change: (sightings: readonly Sighting[], at: { item: Item; next: Item }) => readonly Sighting[],
): Mutation {
  return (run, choice) => {
    const places = run.clients.flatMap((client) => placesOf(client, run).map((place) => ({ client, place })));
    const chosen = pick(places, choice);
    if (chosen === undefined) return undefined;
    const { client, place } = chosen;
    const broken = { ...client, sightings: change(client.sightings, place) };
    const clients = run.clients.map((other) => (other === client ? broken : other));
    return { run: { ...run, clients }, kind, who: client.name, count: 1 };
  };
}

/** Each item of a connection that has one before it and two after it, on the same chain. */
function placesOf({ protocol, sightings }: ClientRecord, { journal, published }: RunRecord) {
  const hasIds = protocol === "lastcall.v1" || protocol === "sse";
  const needs = new Set(
    published.filter((p) => journal || p.outcome.type === "acked").map((p) => `${p.publisher}/${p.n}`),
  );
  const chains = new Map<string, Item[]>();
  for (const seen of sightings) {
    if (seen.type !== "item" || (!hasIds && seen.mark === undefined)) continue;
    const chain = `${seen.connection} ${hasIds || journal ? "" : seen.mark?.publisher}`;
    chains.set(chain, [...(chains.get(chain) ?? []), seen]);
  }
  // A client that asks for another connection in between would have asked otherwise.
  const asks = sightings.filter(({ type }) => type === "start" || type === "open");
  const isCalm = (from: number, to: number) => !asks.some(({ at }) => at >= from && at <= to);
  return [...chains.values()].flatMap((items) =>
    items.slice(1, -2).flatMap((item, i) => {
      const next = items[i + 2];
      const isNeeded = (it: Item) => hasIds || needs.has(`${it.mark?.publisher}/${it.mark?.n}`);
      return next && isNeeded(item) && isNeeded(next) && isCalm(item.at, next.at) ? [{ item, next }] : [];
    }),
  );
}

function resumes({ protocol }: ClientRecord): boolean {
  return protocol === "lastcall.v1" || protocol === "sse";
}

function pick<T>(from: readonly T[], choice: number): T | undefined {
  return from[choice % Math.max(1, from.length)];
}
