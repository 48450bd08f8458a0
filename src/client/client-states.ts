import type { Cancel } from "../base/clock.js";
import type { Lost } from "./ends.js";
import type { Link } from "./link.js";
import type { Status } from "./status.js";

interface Data {
  /** The store is being asked where to start. */
  readonly loading: { readonly nothing: true };
  /** The only connection is on its way to its `hello`. */
  readonly connecting: { readonly link: Link };
  readonly open: { readonly link: Link };
  /** The server goes away: another connection is made when our slot comes, or after a try that failed. */
  readonly told: { readonly link: Link; readonly failed: number; readonly cancel: Cancel };
  /** The next connection is being made; both feed the gate. */
  readonly moving: { readonly link: Link; readonly next: Link; readonly failed: number };
  /** Nothing is open. `wished`: the server asked for this wait, so that nothing cuts it short. */
  readonly waiting: { readonly cancel: Cancel; readonly wished: boolean };
  readonly closed: { readonly nothing: true };
}

export type StateName = keyof Data;

/** The union of the states, each with its own data and with what the application is told of it. */
export type State<N extends StateName = StateName> = {
  readonly [P in N]: { readonly name: P; readonly status: Status } & Data[P];
}[N];

/** What moves it, and what comes with that. The `next_` ones are about the next connection of a hand-over. */
export interface Inputs {
  /** The store has answered. */
  readonly loaded: undefined;
  /** The state's own timer. */
  readonly timeout: undefined;
  /** The host was asleep, or away from the network. */
  readonly wake: undefined;
  readonly hello: undefined;
  /** The server said that it goes away. */
  readonly shutdown: undefined;
  /** A gap that is new. */
  readonly gap: undefined;
  readonly over: Lost;
  /** It has given something new, or all there was when it began. */
  readonly next_ready: undefined;
  readonly next_gap: undefined;
  readonly next_over: Lost;
  /** The application leaves, or, with an error, cannot go on. */
  readonly close: Error | undefined;
}

/** The ways out of one state. */
export type Moves<N extends StateName> = {
  readonly [I in keyof Inputs]?: (from: State<N>, detail: Inputs[I]) => State;
};

/** Every way from one state to another; what is not here changes nothing. */
export type Table = { readonly [N in StateName]: Moves<N> };
