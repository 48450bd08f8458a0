import type { Id } from "../../src/protocol/ids.js";
import type {
  ClientRecord,
  Entry,
  Given,
  Mark,
  Protocol,
  Published,
  RunRecord,
  Sighting,
} from "../../src/rehearsal/record.js";
import type { Seen } from "./model.js";

/** Items 1 to 6 of the only publisher; the last one is the sentinel. */
export const LAST = 6;
/** Item `n` was due at this time, and in the journal soon after, ms. */
export const dueAt = (n: number) => n * 2_000;
export const mark = (n: number): Mark => ({ publisher: "p1", n });
export const id = (n: number): Id => `${n + 10}-abcdefg${n % 10}`;
export const entry = (n: number): Entry => ({ id: id(n), mark: mark(n) });
export const named = (n: number) => `publisher p1, item ${n} (${id(n)})`;

export const published = (n: number, change: Partial<Published> = {}): Published => ({
  ...{ ...mark(n), dueAt: dueAt(n), sentAt: dueAt(n) + 1, attempts: 1 },
  outcome: { type: "acked", at: dueAt(n) + 3, id: id(n), known: false },
  ...change,
});

/** Numbers from 1 to 6. */
export const all: readonly number[] = [1, 2, 3, 4, 5, 6];

export function run(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    ...{ epoch: 0, from: 0, to: 20_000, clients: [], requests: [], loopLagP99Ms: 1, troubles: [] },
    published: all.map((n) => published(n)),
    journal: all.map(entry),
    replicas: [],
    rounds: [{ n: 1, from: 1_000, to: 19_000, acts: [] }],
    sentinels: [mark(LAST)],
    ...changes,
  };
}

/** Something seen, without a time. */
export type Step = Seen & { readonly connection: number };

export const open = (connection: number, replica = `pod-${connection}`): Step => ({
  type: "open",
  connection,
  replica,
});
export const start = (connection: number, after?: number): Step => {
  return { type: "start", connection, after: after === undefined ? undefined : id(after) };
};
export const hello = (connection: number, after: number): Step => ({ type: "hello", connection, cursor: id(after) });
/** A connection of a client that stands after item `after`. */
export const stand = (connection: number, after = 0): readonly Step[] => {
  return [open(connection), start(connection, after || undefined), hello(connection, after)];
};
export const item = (connection: number, n: number): Step => ({ type: "item", connection, id: id(n), mark: mark(n) });
export const items = (connection: number, ...numbers: readonly number[]) => numbers.map((n) => item(connection, n));
/** An item as text clients are given it. */
export const frame = (connection: number, n: number): Step => ({
  type: "item",
  connection,
  id: undefined,
  mark: mark(n),
});
export const frames = (connection: number, ...numbers: readonly number[]) => numbers.map((n) => frame(connection, n));
export const shutdown = (connection: number): Step => ({ type: "shutdown", connection });
export const close = (connection: number): Step => ({ type: "close", connection });
export const leave = (connection: number): Step => ({ type: "leave", connection });
export const end = (connection: number, code?: number): Step => ({ type: "end", connection, code });

/** Nothing is seen before that time, ms. */
export const until = (at: number) => ({ type: "until", at }) as const;

/**
 * A client that saw this. An item comes 10 ms after it was due, or 10 ms after what came before it, if that is later;
 * everything else 10 ms after what came before.
 */
export function client(
  protocol: Protocol,
  ...steps: readonly (Step | readonly Step[] | ReturnType<typeof until>)[]
): ClientRecord {
  let at = 0;
  const sightings = steps.flat().flatMap((step): Sighting | [] => {
    if (step.type === "until") {
      at = step.at;
      return [];
    }
    at = Math.max(at, step.type === "item" && step.mark ? dueAt(step.mark.n) : at) + 10;
    return { ...step, at };
  });
  return { name: "client 17", protocol, sightings };
}

export function given(...numbers: readonly number[]): readonly Given[] {
  return numbers.map((n, i) => ({ at: 15_000 + i, id: id(n), mark: mark(n) }));
}
