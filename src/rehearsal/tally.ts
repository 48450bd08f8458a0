import type { Counts, ProtocolFindings } from "./findings.js";
import type { Protocol } from "./record.js";
import { distribution } from "./statistics.js";

type Counting = { -readonly [Name in keyof Counts]: Counts[Name] };

const nothing = (): Counting => ({ lost: 0, repeated: 0, outOfOrder: 0 });

/** Counts what the clients of one protocol met. */
export class Tally {
  readonly protocol: Protocol;
  clients = 0;
  connections = 0;
  items = 0;
  readonly onConnections = nothing();
  readonly perClient = nothing();
  /** Where a library gave something out. */
  given: Counting | undefined;
  gapsTold = 0;
  missed = 0;
  handedOver = 0;
  twice = 0;
  refused = 0;
  reset = 0;
  withoutSentinel = 0;
  notReplaced = 0;
  readonly ends = new Map<string, number>();
  readonly pauses: number[] = [];
  readonly reconnects: number[] = [];
  /** When connections came about that were not a client's first, ms. */
  readonly arrivals: number[] = [];

  constructor(protocol: Protocol) {
    this.protocol = protocol;
  }

  giving(): Counting {
    this.given ??= nothing();
    return this.given;
  }

  ended(how: string): void {
    this.ends.set(how, (this.ends.get(how) ?? 0) + 1);
  }

  findings(): ProtocolFindings {
    return {
      protocol: this.protocol,
      clients: this.clients,
      connections: this.connections,
      items: this.items,
      onConnections: this.onConnections,
      perClient: this.perClient,
      given: this.given,
      gapsTold: this.gapsTold,
      missedWhileDisconnected: this.missed,
      handedOver: this.handedOver,
      twice: this.twice,
      refused: this.refused,
      reset: this.reset,
      ends: Object.fromEntries([...this.ends].sort(([, a], [, b]) => b - a)),
      pauses: distribution(this.pauses),
      reconnects: distribution(this.reconnects),
    };
  }
}
