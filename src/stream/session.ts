import { type Id, numberOf } from "../protocol/ids.js";
import type { Feed } from "./feed.js";
import type { FrameLog, Slice } from "./frame-log.js";
import type { Line } from "./line.js";
import type { Channel, Gap, Mark } from "./ports.js";
import type { Visited } from "./pump.js";
import type { Block } from "./stalls.js";
import { nextTurn } from "./turn.js";

/**
 * A session is a cursor, in one of three states: *replaying* (behind: reads pages as fast as its socket takes them, or
 * waits for its socket, or for the follower), *live* (at the head: the pump visits it), *stopped*.
 */
type State = { readonly type: "replaying" } | { readonly type: "live" } | { readonly type: "stopped" };

const LIVE: State = { type: "live" };
const STOPPED: State = { type: "stopped" };
const NOTHING: readonly Block[] = [];
/** Every reading is a state of its own, so that a late answer is known by its not being the present one. */
const replaying = (): State => ({ type: "replaying" });

export class Session implements Visited {
  slot = -1;
  readonly #feed: Feed;
  readonly #line: Line;
  readonly #channel: Channel;
  #state: State = STOPPED;
  #n: number;
  #id: Id;
  /** After it the channel is told that it has arrived. */
  #goal: Mark | undefined;
  /** The feed's generation that the cursor was last found to belong to. */
  #generation = -1;
  /** What the socket may hold, if it holds anything: the blocks written from since it held nothing. */
  #held = NOTHING;

  constructor(feed: Feed, channel: Channel, cursor: Id) {
    this.#feed = feed;
    this.#line = feed.line(channel.encoding);
    this.#channel = channel;
    this.#n = numberOf(cursor);
    this.#id = cursor;
  }

  get state(): State["type"] {
    return this.#state.type;
  }

  /** Id of the last item given out, or where the session began. */
  get cursor(): Id {
    return this.#id;
  }

  /** Number of the last item given out. */
  get n(): number {
    return this.#n;
  }

  start(): void {
    if (this.#state !== STOPPED) return;
    this.#feed.enter(this.#line);
    this.#state = replaying();
    this.#advance();
  }

  /** Gives nothing more; the cursor stays. Also to be called when the connection has ended. */
  stop(): void {
    if (this.#state === LIVE) this.#line.pump.remove(this);
    if (this.#state !== STOPPED) this.#feed.leave(this, this.#line);
    this.#state = STOPPED;
    // What the socket holds does not go away by that.
    if (this.#channel.unsent > 0) this.#feed.stalls.hold(this.#channel, this.#held);
    else this.#feed.stalls.release(this.#channel);
  }

  /** Tells the channel, once, when everything up to the mark has been given out; at once when it has. */
  reach(mark: Mark): void {
    this.#goal = mark;
    if (this.#state === LIVE) this.visit(this.#line.log);
    this.#checkGoal();
  }

  /** The socket has drained. */
  writable(): void {
    this.#feed.stalls.release(this.#channel);
    if (this.#state.type === "replaying") this.#advance();
  }

  /** The follower has moved, or is back. */
  followerMoved(): void {
    if (this.#state.type === "replaying") this.#advance();
  }

  /** What the pump calls: takes all there is, as long as the socket takes it. */
  visit(log: FrameLog): void {
    while (this.#state === LIVE && this.#n < log.n) {
      const slice = this.#channel.blocked ? undefined : log.after(this.#n);
      if (slice === undefined) this.#fallBehind();
      else this.#give(slice);
    }
  }

  /** The follower met a gap: what a live session had in front of it is not there any more. */
  lost(gap: Omit<Gap, "after">): void {
    if (this.#state !== LIVE) return;
    this.#line.pump.remove(this);
    this.#state = replaying();
    this.#generation = this.#feed.generation;
    this.#goOnAfter({ ...gap, after: this.#id });
  }

  #fallBehind(): void {
    this.#line.pump.remove(this);
    this.#state = replaying();
    this.#advance();
  }

  /** From replaying: joins the log where it holds the cursor, reads a page where it does not. */
  #advance(): void {
    if (this.#channel.blocked) this.#stall();
    else if (!this.#join()) void this.#read();
  }

  /** Waits for the socket, at the risk of being closed for what it holds by that. */
  #stall(): void {
    this.#channel.awaitWritable();
    this.#feed.stalls.hold(this.#channel, this.#held);
  }

  #join(): boolean {
    const { log, pump } = this.#line;
    if (!log.holds(this.#n, this.#id)) return false;
    this.#feed.forget(this);
    this.#state = LIVE;
    this.#generation = this.#feed.generation;
    pump.add(this);
    this.visit(log);
    this.#checkGoal();
    return true;
  }

  async #read(): Promise<void> {
    const state = replaying();
    this.#state = state;
    const { generation } = this.#feed;
    const page = await this.#feed.page(this.#channel.encoding, this.#id);
    if (this.#state !== state) return;
    // Where the feed is of another one by now, this page may tell of the journal before: the next one will not.
    if (page.type !== "failed") this.#generation = generation;
    if (page.type === "gap") return this.#goOnAfter(page);
    // The socket may have been filled, or closed, while the page was read; it is kept for the next asking.
    if (this.#channel.blocked) return this.#stall();
    if (page.type === "failed") return this.#feed.retry(this);
    if (page.type === "none") {
      this.#checkGoal();
      if (this.#state !== state) return;
      // At the journal's head: the follower, if it has not come by meanwhile, will come.
      if (page.at === this.#feed.at) this.#feed.await(this);
      else this.#advance();
      return;
    }
    this.#give(page.slice);
    // Journal and socket may go on like this for as long as there are items, and nobody else would get a turn.
    await nextTurn();
    if (this.#state === state) this.#advance();
  }

  #goOnAfter(gap: Gap): void {
    this.#id = gap.cursor;
    this.#n = numberOf(gap.cursor);
    if (!this.#channel.gap(gap)) this.stop();
    const state = this.#state;
    if (state === STOPPED) return;
    // The gap may lead past the goal, and the channel may then end the session.
    this.#checkGoal();
    if (this.#state === state) this.#advance();
  }

  #give(slice: Slice): void {
    this.#n = slice.n;
    this.#id = slice.id;
    const held = this.#channel.unsent > 0 ? this.#held : NOTHING;
    this.#channel.write(slice.bytes, slice.items);
    if (this.#channel.unsent > 0) {
      this.#held = held.includes(slice.block) ? held : [...held, slice.block];
      // Though nothing more may come for it: what it holds, it holds.
      if (this.#channel.blocked) this.#stall();
    }
    this.#checkGoal();
  }

  #checkGoal(): void {
    if (this.#goal === undefined || this.#generation !== this.#feed.generation) return;
    if (this.#n < this.#feed.owed(this.#goal)) return;
    this.#goal = undefined;
    this.#channel.arrived();
  }
}
