import { FATES, type Fate, PROTOCOLS, type Protocol } from "../wire/connection.js";

/**
 * What is counted for every write and every client, as plain numbers: by label it would cost more than the write it
 * counts. The metrics read it when they are scraped.
 */
export class Tally {
  sockets = 0;
  itemsSent = 0;
  messagesReceived = 0;
  slowSessions = 0;
  pingTimeouts = 0;
  readonly closed: Record<Fate, number> = {
    gone: 0,
    left: 0,
    handed_over: 0,
    unanswered: 0,
    cut: 0,
    silent: 0,
    lost: 0,
    slow: 0,
  };
}

export type Tallies = ReadonlyMap<Protocol, Tally>;

export function createTallies(): Tallies {
  return new Map(PROTOCOLS.map((protocol) => [protocol, new Tally()]));
}

/** Every series of a figure by protocol, at 0 too. */
export function byProtocol(tallies: Tallies, read: (tally: Tally) => number): [Record<"protocol", string>, number][] {
  return [...tallies].map(([protocol, tally]) => [{ protocol }, read(tally)]);
}

export function byFate(tallies: Tallies): [Record<"protocol" | "fate", string>, number][] {
  return [...tallies].flatMap(([protocol, tally]) =>
    FATES.map((fate): [Record<"protocol" | "fate", string>, number] => [{ protocol, fate }, tally.closed[fate]]),
  );
}
