import { type Id, makeId } from "../../src/protocol/ids.js";
import type {
  ClientRecord,
  Entry,
  Mark,
  Protocol,
  Published,
  RunRecord,
  Sighting,
} from "../../src/rehearsal/record.js";

/** What one simulated rehearsal is like; everything in it is as it should be. */
export interface Plan {
  readonly seed: number;
  readonly publishers: number;
  /** Entries of the journal, foreign ones among them. */
  readonly entries: number;
  /** Every so many entries one is foreign; 0: none. */
  readonly foreignEvery: number;
  /** Every so many items one is never acked, and in the journal or not; 0: none. */
  readonly unackedEvery: number;
  readonly clients: readonly Protocol[];
  /** Connections of each client. */
  readonly connections: number;
  readonly journal: boolean;
}

export const PLAN: Plan = {
  seed: 1,
  publishers: 3,
  entries: 200,
  foreignEvery: 7,
  unackedEvery: 0,
  clients: ["lastcall.v1", "sse", "text"],
  connections: 3,
  journal: true,
};

/** Between two entries of the journal, ms. */
const PACE_MS = 100;
/** The first entry's number in its stream: the rehearsal is seldom the first. */
const FIRST = 41;
/** Before the first entry, and after the last one, ms. */
const MARGIN_MS = 2_000;

interface World {
  readonly plan: Plan;
  readonly random: () => number;
  readonly entries: readonly (Entry & { readonly at: number })[];
  readonly to: number;
}

/** A run of a correct service: hand-overs, losses of connections, overlaps, several publishers, foreign items between. */
export function simulate(changes: Partial<Plan> = {}): RunRecord {
  const plan = { ...PLAN, ...changes };
  const random = generator(plan.seed);
  const { entries, published } = publish(plan, random);
  const to = MARGIN_MS + plan.entries * PACE_MS + MARGIN_MS;
  const world = { plan, random, entries, to };
  const sentinel = published.findLast(({ outcome }) => outcome.type === "acked");
  if (sentinel === undefined) throw new Error("nothing was published");
  const replicas = Array.from({ length: plan.connections }, (_, k) => ({
    name: `pod-${k}`,
    startedAt: 0,
    readyAt: 10,
    deletedAt: legEnd(world, k) - 60,
    removedAt: legEnd(world, k) - 50,
    signalledAt: legEnd(world, k) - 45,
    exitedAt: legEnd(world, k) + 60,
    exit: { code: 0, signal: null },
    end: "drained" as const,
    phases: [{ phase: "close", ms: 40 }],
    outcome: "clean",
  }));
  return {
    epoch: 0,
    from: 0,
    to,
    clients: plan.clients.map((protocol, i) => follow(world, protocol, `client ${i}`)),
    published,
    journal: plan.journal ? entries.map(({ id, mark }) => ({ id, mark })) : undefined,
    requests: [{ at: 100, kind: "kept", ms: 3, outcome: 200 }],
    replicas: replicas.slice(0, -1),
    rounds: [{ n: 1, from: 100, to, acts: [] }],
    sentinels: [{ publisher: sentinel.publisher, n: sentinel.n }],
    loopLagP99Ms: 1,
    troubles: [],
  };
}

function publish({ publishers, entries: length, foreignEvery, unackedEvery }: Plan, random: () => number) {
  const entries: (Entry & { at: number })[] = [];
  const published: Published[] = [];
  const counts = new Map<string, number>();
  for (let i = 0; entries.length < length; i += 1) {
    const at = MARGIN_MS + entries.length * PACE_MS;
    const id = makeId(FIRST + entries.length, tag(random));
    const isLast = entries.length === length - 1;
    if (foreignEvery > 0 && i % foreignEvery === foreignEvery - 1 && !isLast) {
      entries.push({ id, mark: undefined, at });
      continue;
    }
    const publisher = `p${1 + Math.floor(random() * publishers)}`;
    const n = (counts.get(publisher) ?? 0) + 1;
    counts.set(publisher, n);
    const item = { publisher, n, dueAt: at - 2, sentAt: at - 1, attempts: 1 };
    if (unackedEvery > 0 && i % unackedEvery === unackedEvery - 1 && !isLast) {
      published.push({ ...item, outcome: { type: "unacked", why: "timeout" } });
      if (random() < 0.5) continue;
    } else published.push({ ...item, outcome: { type: "acked", at: at + 1, id, known: false } });
    entries.push({ id, mark: { publisher, n }, at });
  }
  return { entries, published };
}

/** When the k-th connection of everybody is over, ms; the last one stands to the end. */
function legEnd({ plan: { connections, entries } }: { readonly plan: Plan }, k: number): number {
  return MARGIN_MS + ((k + 1) * entries * PACE_MS) / connections;
}

/** One client: a connection on each replica in turn. */
function follow(world: World, protocol: Protocol, name: string): ClientRecord {
  const { plan, random, entries, to } = world;
  const sightings: Sighting[] = [];
  const resumes = protocol === "lastcall.v1" || protocol === "sse";
  let openAt = 50 + random() * 10;
  for (let connection = 0; connection < plan.connections; connection += 1) {
    const isLast = connection === plan.connections - 1;
    const endAt = isLast ? to + 10 : legEnd(world, connection) + random() * 50;
    // Most servers say that they go; some are killed.
    const isTold = !isLast && random() < 0.8;
    const overlaps = isTold && protocol === "lastcall.v1";
    const told = endAt - 1_500;
    const see = (at: number, seen: Seen) => sightings.push({ ...seen, at, connection });
    const cursor = sightings.reduce((last, seen) => (seen.at < openAt ? Math.max(last, place(seen)) : last), -1);
    see(openAt - 2, { type: "dial" });
    see(openAt - 1, { type: "open", replica: `pod-${connection}` });
    const next = entries.findIndex(({ at }) => at > openAt);
    const first = resumes && cursor >= 0 ? cursor + 1 : next < 0 ? entries.length : next;
    if (resumes) {
      const after = entries[first - 1]?.id ?? makeId(FIRST - 1, "00000000");
      see(openAt, { type: "start", after: cursor < 0 ? "now" : after });
      see(openAt + 1, { type: "hello", cursor: after });
    }
    if (isTold) see(told, { type: "shutdown" });
    let at = openAt + 1;
    const delay = 1 + random() * 5;
    for (const { id, mark, at: appended } of entries.slice(first)) {
      at = Math.max(at + 0.01, appended + delay);
      if (at >= endAt) break;
      if (resumes) see(at, { type: "item", id, mark });
      else if (mark || protocol === "text") see(at, { type: "item", id: undefined, mark });
    }
    if (isLast || overlaps) see(endAt, { type: "leave" });
    else if (isTold) {
      see(endAt, { type: "close" });
      see(endAt + 0.5, { type: "end", code: 1012 });
    } else see(endAt, { type: "end", error: "ECONNRESET" });
    openAt = overlaps ? endAt - 40 - random() * 200 : endAt + 20 + random() * 500;
  }
  sightings.sort((a, b) => a.at - b.at);
  if (protocol !== "lastcall.v1") return { name, protocol, sightings };
  return { name, protocol, sightings, given: given(sightings) };

  function place(seen: Sighting): number {
    return seen.type === "item" && seen.id !== undefined ? Number.parseInt(seen.id, 10) - FIRST : -1;
  }
}

/** What a library makes of it: everything once. */
function given(sightings: readonly Sighting[]) {
  const given: { at: number; id: Id; mark: Mark | undefined }[] = [];
  for (const seen of sightings) {
    if (seen.type !== "item" || seen.id === undefined) continue;
    const last = given.at(-1);
    if (last === undefined || Number.parseInt(seen.id, 10) > Number.parseInt(last.id, 10)) {
      given.push({ at: seen.at, id: seen.id, mark: seen.mark });
    }
  }
  return given;
}

/** A sighting without its time and connection. */
export type Seen = Sighting extends infer S ? (S extends Sighting ? Omit<S, "at" | "connection"> : never) : never;

/** Mulberry32: the same numbers in [0, 1) for the same seed. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function tag(random: () => number): string {
  return Math.floor(random() * 36 ** 8)
    .toString(36)
    .padStart(8, "0");
}
