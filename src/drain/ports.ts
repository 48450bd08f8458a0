/** What the drain needs from the world. Work is asked for and may hang; what came of it can be read at any time. */
export interface DrainPorts {
  readonly arrivals: Arrivals;
  readonly source: Source;
  readonly clients: Clients;
  readonly requests: Requests;
  readonly publishes: Publishes;
  /** Closed one after the other, in this order. */
  readonly closables: readonly Closable[];
  readonly figures: Figures;
}

/** New connections' first requests, health, ready and metrics apart. */
export interface Arrivals {
  /** Clock time of the last one, ms; undefined while there was none. */
  lastAt(): number | undefined;
}

/** Whoever produces items of its own. */
export interface Source {
  /** Appends the last items; resolves with their number when they are in the journal. */
  finish(signal: AbortSignal): Promise<number>;
}

export interface Announcement {
  /** S: clients leave spread over this time, ms. */
  readonly staggerMs: number;
  /** How long one client may take to be flushed and to answer, once it is its turn, ms. */
  readonly closeMs: number;
}

export interface ClientsReport {
  /** Were connected at the announcement, or came during it, and were told. */
  readonly told: number;
  /** Had everything up to the mark handed to their socket. */
  readonly flushed: number;
  /** Went (echo, FIN or RST) after being told all. */
  readonly left: number;
  /** Were behind the mark and closed with their cursor. */
  readonly handedOver: number;
  /** Were ended before they had everything, and have no cursor. */
  readonly cut: number;
  /** Went of their own will before they were told all. */
  readonly gone: number;
  /** Are connected still. */
  readonly open: number;
  /** Answered the close frame. */
  readonly echoed: number;
  /** Did not answer it in time; counted, not a failure. */
  readonly unanswered: number;
  /** Items handed to sockets since the announcement. */
  readonly items: number;
}

/** The same while the drain goes on. */
export interface ClientsNow extends ClientsReport {
  /** Of those who are connected still: how many have a cursor, and go on elsewhere whenever they are ended. */
  readonly resumable: number;
}

export interface Clients {
  /** Tells everyone at once and fixes the slots. */
  announce(announcement: Announcement): void;
  /** Fixes, once, how far every client is to be served: the head after the source's last items. */
  mark(signal: AbortSignal): Promise<void>;
  /** Ends every client in its slot; resolves when none is left. */
  close(signal: AbortSignal): Promise<void>;
  report(): ClientsNow;
}

export interface RequestsReport {
  /** In flight when the drain began, or begun since, and answered. */
  readonly finished: number;
  /** Still in flight. */
  readonly open: number;
}

export interface Requests {
  /** Resolves when no request is in flight. */
  settle(signal: AbortSignal): Promise<void>;
  report(): RequestsReport;
}

/** Publishes that were accepted and are on their way into the journal. */
export interface Publishes {
  settle(signal: AbortSignal): Promise<void>;
  /** How many have not arrived. */
  pending(): number;
}

export interface Closable {
  readonly name: string;
  close(signal: AbortSignal): Promise<void> | void;
}

/** The drain's figures, waiting to be scraped. */
export interface Figures {
  scraped(signal: AbortSignal): Promise<void>;
}
