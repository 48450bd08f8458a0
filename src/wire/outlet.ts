/** The way out to one peer, whatever carries it. */
export interface Outlet {
  /** The peer's address, for logs. */
  readonly peer: string;
  /** Takes nothing more just now, or never again. */
  readonly blocked: boolean;
  /** Blocked, and `onDrain` will say when it is no longer. */
  readonly full: boolean;
  /** Bytes handed over that have not left the process; 0 once it is closed. */
  readonly unsent: number;
  /** Bytes that have left the process. */
  readonly sent: number;
  /** Hands over whole frames. */
  write(bytes: Uint8Array): void;
  /** Sends the last frames; `sent` hears when they are in the kernel's hands, or that they never will be. */
  farewell(bytes: Uint8Array, sent: (error?: Error | null) => void): void;
  /** Calls back once, when it is no longer full. */
  onDrain(callback: () => void): void;
  /** Asks the peer for a sign of life; does nothing where there is no way to. */
  ping(): void;
  /** What is written until `uncork` leaves in one piece. */
  cork(): void;
  uncork(): void;
  /** The same, until the end of this turn of the event loop. */
  corkForTurn(): void;
  /** Takes nothing more from the peer until `resume`. */
  pause(): void;
  resume(): void;
  /** Closes for a fault of the peer's, in the words of its protocol. */
  reject(code: number, reason?: string): void;
  /** Ends it now. */
  terminate(): void;
}

/** What the owner of an outlet hears of the peer. */
export interface OutletOwner {
  onMessage(data: Buffer, isBinary: boolean): void;
  onPong(): void;
  /** The peer's goodbye came (a close frame, with its code), or ours goes out for a fault of its own: no more is said. */
  onClosing(code?: number): void;
  /** It is gone. */
  onClose(): void;
}
