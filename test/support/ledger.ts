import { type Id, numberOf } from "../../src/protocol/ids.js";

/** An item as the journal has it, or as somebody was given it; `data` is its JSON. */
export interface Entry {
  readonly id: Id;
  readonly data: string;
}

/**
 * What one client did and met, in the order it happened. Sockets are counted from 0; `at` is in ms, by any clock. What a
 * server sends after its client has left it is not worth noting.
 */
export type Sighting = { readonly at: number; readonly socket: number } & (
  | { readonly type: "start"; readonly after: string | undefined }
  | { readonly type: "hello"; readonly cursor: Id }
  /** Text clients are given no ids. */
  | { readonly type: "item"; readonly id: Id | undefined; readonly data: string }
  | { readonly type: "gap"; readonly cursor: Id; readonly reason: string }
  | { readonly type: "shutdown" }
  /** The server's last word. */
  | { readonly type: "close" }
  /** The client let go of it. */
  | { readonly type: "leave" }
  | { readonly type: "end"; readonly code: number | undefined }
);

export type FaultKind =
  /** Something was skipped: the item is not the next one. */
  | "hole"
  /** It was given before. */
  | "repeat"
  /** It comes after a later one. */
  | "reordered"
  /** The end was not reached. */
  | "lost"
  /** The journal has something else there, or nothing. */
  | "foreign"
  /** A gap, where nothing was trimmed or replaced. */
  | "gap"
  /** A connection was not started at the client's cursor, or the server took it for another. */
  | "misplaced"
  /** Something came before the hello, or after the last word. */
  | "out_of_turn"
  /** The old connection was over before the next one stood. */
  | "broken_before_made"
  /** The last word came before everything that was owed. */
  | "cut_short";

export interface Fault {
  readonly kind: FaultKind;
  readonly text: string;
}

/** What is owed to text clients: the number of an item that everybody is given who is told, at that time, to go. */
export type Owed = (at: number) => number;

/** The journal, from its first entry on, with everything in its place. */
export class Truth {
  readonly entries: readonly Entry[];
  /** When each was appended, in ms of `performance.now`. */
  readonly moments: readonly number[];
  readonly #byData: ReadonlyMap<string, Id>;

  constructor(entries: readonly Entry[], moments: readonly number[] = []) {
    this.entries = entries;
    this.moments = moments;
    this.#byData = new Map(entries.map(({ id, data }) => [data, id]));
  }

  /** Number of the last entry. */
  get head(): number {
    return this.entries.length;
  }

  /** Where these data are, each of which was published once. */
  find(data: string): Id | undefined {
    return this.#byData.get(data);
  }

  holds({ id, data }: Entry): boolean {
    const entry = this.entries[numberOf(id) - 1];
    return entry?.id === id && entry.data === data;
  }
}

/** Whether the journal is dense from its first entry on, and has everything that was published once, where it was acked. */
export function judgeJournal(truth: Truth, published: ReadonlyMap<string, Id>): readonly Fault[] {
  const faults: Fault[] = [];
  const first = new Map<string, Id>();
  for (const [i, { id, data }] of truth.entries.entries()) {
    const n = numberOf(id);
    if (n !== i + 1) faults.push({ kind: n > i + 1 ? "hole" : "reordered", text: `${id} in place ${i + 1}` });
    const before = first.get(data);
    if (before !== undefined) faults.push({ kind: "repeat", text: `${data}: ${before} and ${id}` });
    else if (!published.has(data)) faults.push({ kind: "foreign", text: `${id}: ${data} was not published` });
    else if (published.get(data) !== id) faults.push({ kind: "misplaced", text: `${data}: ${id}, not as acked` });
    first.set(data, before ?? id);
  }
  for (const [data, id] of published) {
    if (!first.has(data)) faults.push({ kind: "lost", text: `${data}, acked as ${id}, is not in the journal` });
  }
  return faults;
}

/** Goes through items in the order they were given, from a cursor on. */
class Sequence {
  last: number;
  readonly faults: Fault[] = [];
  readonly #truth: Truth;
  readonly #given = new Set<number>();

  constructor(truth: Truth, after: number) {
    this.#truth = truth;
    this.last = after;
  }

  take(entry: Entry): void {
    const n = numberOf(entry.id);
    if (!this.#truth.holds(entry)) this.#fault("foreign", `${entry.id}: ${entry.data}`);
    else if (n > this.last + 1) this.#fault("hole", `${n} after ${this.last}`);
    else if (this.#given.has(n)) this.#fault("repeat", `${n} after ${this.last}`);
    else if (n <= this.last) this.#fault("reordered", `${n} after ${this.last}`);
    this.#given.add(n);
    this.last = Math.max(this.last, n);
  }

  end(): void {
    if (this.last < this.#truth.head) this.#fault("lost", `ended with ${this.last} of ${this.#truth.head}`);
  }

  #fault(kind: FaultKind, text: string): void {
    this.faults.push({ kind, text });
  }
}

/** What was given out, item by item: everything after `after` (a number), once, in order, up to the journal's end. */
export function judgeGiven(given: readonly Entry[], after: number, truth: Truth): readonly Fault[] {
  const sequence = new Sequence(truth, after);
  for (const entry of given) sequence.take(entry);
  sequence.end();
  return sequence.faults;
}

interface Socket {
  sequence: Sequence | undefined;
  /** What its `start` asked for. */
  asked: string | undefined;
  stage: "starting" | "standing" | "told" | "closing" | "over";
}

export interface Verdict {
  readonly faults: readonly Fault[];
  /** Connections left because their server said that it goes. */
  readonly handedOver: number;
  /** Items that came on two connections while both stood: the price of making before breaking. */
  readonly twice: number;
}

/**
 * The frames of a client that has a cursor. On each socket: everything after the cursor it started at, once, in order.
 * Each socket starts where the client was, so that nothing comes again but on two that stand at the same time. All
 * sockets together give everything up to the journal's end. With `overlap`, one whose server goes is left only when
 * another stands; without, the client waits for the last word.
 */
export function judgeFrames(sightings: readonly Sighting[], truth: Truth, how: { readonly overlap: boolean }): Verdict {
  const faults: Fault[] = [];
  const sockets = new Map<number, Socket>();
  let cursor: Id | undefined;
  let handedOver = 0;
  let twice = 0;
  const fault = (kind: FaultKind, { at, socket }: Sighting, text: string) => {
    faults.push({ kind, text: `socket ${socket} at ${at.toFixed(0)}: ${text}` });
  };
  const standing = (but: Socket) =>
    [...sockets.values()].some(({ stage }, i, all) => all[i] !== but && (stage === "standing" || stage === "told"));

  for (const sighting of sightings) {
    const socket = sockets.get(sighting.socket) ?? { sequence: undefined, asked: undefined, stage: "starting" };
    sockets.set(sighting.socket, socket);
    const { stage } = socket;
    switch (sighting.type) {
      case "start":
        socket.asked = sighting.after;
        if (cursor !== undefined && sighting.after !== cursor) {
          fault("misplaced", sighting, `started after ${sighting.after}, the client was at ${cursor}`);
        }
        break;
      case "hello":
        if (stage !== "starting") fault("out_of_turn", sighting, `hello while ${stage}`);
        if (cursor !== undefined && sighting.cursor !== socket.asked) {
          fault("misplaced", sighting, `hello at ${sighting.cursor}, asked for ${socket.asked}`);
        }
        cursor ??= sighting.cursor;
        socket.sequence = new Sequence(truth, numberOf(sighting.cursor));
        socket.stage = "standing";
        break;
      case "item": {
        const { id, data } = sighting;
        if (id === undefined || socket.sequence === undefined || stage === "closing" || stage === "over") {
          fault("out_of_turn", sighting, `item ${id} while ${stage}`);
          break;
        }
        const before = socket.sequence.faults.length;
        socket.sequence.take({ id, data });
        for (const { kind, text } of socket.sequence.faults.slice(before)) fault(kind, sighting, text);
        const n = numberOf(id);
        const last = numberOf(cursor ?? "0-00000000");
        if (n > last + 1) fault("hole", sighting, `${n}, the client was at ${last}`);
        if (n > last) cursor = id;
        else twice += 1;
        break;
      }
      case "gap":
        fault("gap", sighting, `${sighting.reason}, to ${sighting.cursor}`);
        break;
      case "shutdown":
        if (stage !== "standing") fault("out_of_turn", sighting, `shutdown while ${stage}`);
        socket.stage = "told";
        break;
      case "close":
        if (how.overlap && stage === "told" && !standing(socket)) {
          fault("broken_before_made", sighting, "the server's last word while no other stood");
        }
        socket.stage = "closing";
        break;
      case "leave":
      case "end":
        if (stage === "told" || stage === "closing") handedOver += 1;
        if (how.overlap && stage === "told" && !standing(socket)) {
          fault("broken_before_made", sighting, `${sighting.type} while no other stood`);
        }
        socket.stage = "over";
        break;
    }
  }
  const last = cursor === undefined ? 0 : numberOf(cursor);
  if (last < truth.head) faults.push({ kind: "lost", text: `ended with ${last} of ${truth.head}` });
  return { faults, handedOver, twice };
}

/**
 * The frames of a text client, which has no cursor: on each connection everything from its first item on, once, in order;
 * up to the last word where there was one (at least what was owed), up to the journal's end on the last connection.
 */
export function judgeText(sightings: readonly Sighting[], truth: Truth, owed: Owed): readonly Fault[] {
  const faults: Fault[] = [];
  const sockets = new Map<number, { sequence?: Sequence; owed: number; stage: "open" | "told" | "closing" | "over" }>();
  for (const sighting of sightings) {
    const socket = sockets.get(sighting.socket) ?? { owed: 0, stage: "open" };
    sockets.set(sighting.socket, socket);
    const fault = (kind: FaultKind, text: string) => faults.push({ kind, text: `socket ${sighting.socket}: ${text}` });
    if (sighting.type === "item") {
      const id = truth.find(sighting.data);
      if (id === undefined) {
        fault("foreign", sighting.data);
        continue;
      }
      if (socket.stage === "closing" || socket.stage === "over") fault("out_of_turn", `${id} while ${socket.stage}`);
      socket.sequence ??= new Sequence(truth, numberOf(id) - 1);
      socket.sequence.take({ id, data: sighting.data });
    } else if (sighting.type === "shutdown") {
      if (socket.stage !== "open") fault("out_of_turn", `SHUTDOWN while ${socket.stage}`);
      socket.stage = "told";
      socket.owed = owed(sighting.at);
    } else if (sighting.type === "close") {
      if (socket.stage !== "told") fault("out_of_turn", `CLOSE while ${socket.stage}`);
      const last = socket.sequence?.last;
      if (last !== undefined && last < socket.owed) fault("cut_short", `ended with ${last}, ${socket.owed} was owed`);
      socket.stage = "closing";
    } else if (sighting.type === "end" || sighting.type === "leave") {
      if (socket.stage === "told") fault("cut_short", "ended without CLOSE");
      socket.stage = "over";
    }
  }
  for (const { sequence } of sockets.values()) faults.push(...(sequence?.faults ?? []));
  const last = [...sockets.values()].at(-1)?.sequence?.last ?? 0;
  if (last < truth.head) faults.push({ kind: "lost", text: `ended with ${last} of ${truth.head}` });
  return faults;
}

/** The longest time between two moments that follow each other, where the second is in [from, to); 0 when there is none. */
export function longestPause(moments: readonly number[], from: number, to: number): number {
  let longest = 0;
  for (let i = 1; i < moments.length; i += 1) {
    const at = moments[i] ?? 0;
    if (at >= from && at < to) longest = Math.max(longest, at - (moments[i - 1] ?? at));
  }
  return longest;
}
