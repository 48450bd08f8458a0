import type { Clock } from "../base/clock.js";
import type { ReadMark } from "./marks.js";
import { Notes } from "./notes.js";
import type { ClientRecord, Given, Mark, Protocol } from "./record.js";

/** What observers are made with. */
export interface Watching {
  readonly clock: Clock;
  readonly now: () => number;
  readonly random: () => number;
  readonly mark: ReadMark;
  /** Which replica a connection from this local port was sent to, where somebody knows. */
  readonly replicaOf: (localPort: number) => string | undefined;
  /** After this long without a word from its server a client gives its connection up, ms. */
  readonly silenceMs: number;
}

/** The part of a connection that chaos needs. */
export interface Readable {
  pause(): unknown;
  resume(): unknown;
  /** Ours, once it stands. */
  readonly localPort: number | undefined;
}

/** One client, from outside: whatever it is given is noted beneath it, frame by frame. */
export abstract class Observer {
  readonly name: string;
  abstract readonly protocol: Protocol;
  readonly notes: Notes;
  protected readonly watching: Watching;
  protected readonly readables = new Map<number, Readable>();

  constructor(name: string, watching: Watching) {
    this.name = name;
    this.watching = watching;
    this.notes = new Notes(watching.now);
  }

  /** What its library gave out, where there is one. */
  get given(): readonly Given[] | undefined {
    return undefined;
  }

  /** What its library could not go on after, if there was something. */
  get failed(): unknown {
    return undefined;
  }

  /** Whether it stands where items reach it. */
  get connected(): boolean {
    return this.notes.standing.size > 0;
  }

  /** Whether an item with this mark, or a later one of its publisher, has come. */
  reached(mark: Mark): boolean {
    return this.notes.reached(mark);
  }

  get record(): ClientRecord {
    const { name, protocol, notes, given } = this;
    return { name, protocol, sightings: [...notes.sightings], ...(given && { given: [...given] }) };
  }

  /** Stops to read on the connections it has. */
  stall(): void {
    for (const readable of this.readables.values()) readable.pause();
  }

  /** Reads on. */
  resume(): void {
    for (const readable of this.readables.values()) readable.resume();
  }

  /** Of the connections it has. */
  get localPorts(): readonly number[] {
    return [...this.readables.values()].flatMap(({ localPort }) => localPort ?? []);
  }

  /** Leaves for good; nothing of it is open when this settles. */
  abstract close(): Promise<void>;
}
