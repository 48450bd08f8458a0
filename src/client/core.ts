import type { Id } from "../protocol/ids.js";
import type { ServerMessage } from "../protocol/messages.js";
import type { Inputs, Moves, State, StateName, Table } from "./client-states.js";
import type { Lost } from "./ends.js";
import type { HostNews } from "./host.js";
import { Inbox } from "./inbox.js";
import { Link } from "./link.js";
import type { LinkOwner } from "./link-states.js";
import type { Settings } from "./options.js";
import { Outbox } from "./outbox.js";
import { Reception, type Role } from "./reception.js";
import { type Readable, type Status, writable } from "./status.js";
import { againMs, waitAfter } from "./waits.js";

/** Messages of a connection that works, after which attempts count anew. */
const WORKING: ReadonlySet<ServerMessage["type"]> = new Set(["item", "alive", "pong", "ack"]);

export interface Core {
  readonly status: Readable<Status>;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** Connects, from a cursor on where there is one. */
  begin(cursor: Id | undefined): void;
  /** What the host tells. */
  news(news: HostNews): void;
  /** Leaves; with an error the application hears that it cannot go on. Settles when nothing is open: 2 s at most. */
  close(error?: Error): Promise<void>;
}

/** The client without its iterator: keeps one connection, two in a hand-over, and lets what comes through one gate. */
export function openCore(settings: Settings): Core {
  const { clock, random, backoff } = settings;
  const links = new Set<Link>();
  const inbox = new Inbox(settings.buffer, (stopped) => {
    for (const link of links) link.stop(stopped);
  });
  const outbox = new Outbox(clock, random, backoff);
  const reception = new Reception(inbox, outbox, clock);
  let offline = false;
  /** Attempts since the last connection that gave something. */
  let attempt = 0;

  const table: Table = {
    loading: { loaded: connect, close },
    connecting: { hello: ({ link }) => stand(link), over: (_, end) => wait(end), close },
    open: { shutdown: ({ link }) => stand(link), over: (_, end) => wait(end), close },
    told: {
      timeout: ({ link, failed, status }) => ({ name: "moving", link, next: newLink(), failed, status }),
      over: ({ link, failed }, end) => {
        // The tries to hand over were attempts: who has nowhere to go comes back spread, not with all others at once.
        attempt = Math.max(attempt, failed);
        return wait(end, slotOf(link));
      },
      close,
    },
    moving: {
      next_ready: move,
      next_gap: move,
      next_over: ({ link, failed }) => tell(link, failed + 1),
      // What the next one still says may be of the journal as it was.
      gap: ({ link, next, failed }) => {
        next.leave();
        return tell(link, failed);
      },
      over: ({ next }) => (next.hello === undefined ? connecting(next) : stand(next)),
      close,
    },
    waiting: { timeout: connect, wake: (from) => (from.wished ? from : connect()), close },
    closed: {},
  };

  const owner: LinkOwner = {
    position: () => reception.cursor ?? settings.after,
    get stopped() {
      return inbox.stopped;
    },
    received(link, message) {
      const role = roleOf(link);
      if (role !== undefined) receive(link, role, message);
    },
    over(link, end) {
      const role = roleOf(link);
      links.delete(link);
      if (role === undefined || end.type === "left") return;
      if (end.type === "fatal") take(state, "close", end.error);
      else take(state, role === "next" ? "next_over" : "over", end);
    },
  };

  function receive(link: Link, role: Role, message: ServerMessage): void {
    const heard = reception.hear(link, role, message);
    if (heard === "misplaced") link.break(`${message.type} does not follow ${reception.cursor}`);
    else {
      if (WORKING.has(message.type)) attempt = 0;
      if (heard !== undefined) take(state, heard, undefined);
    }
  }

  function newLink(): Link {
    const link = new Link(settings, owner);
    links.add(link);
    return link;
  }

  function connect(): State {
    return connecting(newLink());
  }

  function connecting(link: Link): State {
    return { name: "connecting", link, status: { type: "connecting", attempt } };
  }

  /** On a connection that is live, of a server that stays or goes. */
  function stand(link: Link): State {
    if (link.shutdown !== undefined) return tell(link, 0);
    const { server = "", version = "" } = link.hello ?? {};
    return { name: "open", link, status: { type: "open", server, version } };
  }

  function move({ link, next }: { readonly link: Link; readonly next: Link }): State {
    link.leave();
    return stand(next);
  }

  function tell(link: Link, failed: number): State {
    const { server = "", version = "" } = link.hello ?? {};
    const closesInMs = Math.max(0, (link.shutdown?.closesAt ?? 0) - clock.now());
    const reconnectInMs = failed === 0 ? slotOf(link) : againMs(failed, closesInMs, settings);
    const status: Status = { type: "handing_over", server, version, reconnectInMs, closesInMs, failed };
    return { name: "told", link, failed, cancel: limit(reconnectInMs), status };
  }

  function slotOf(link: Link): number {
    return Math.max(0, (link.shutdown?.slotAt ?? 0) - clock.now());
  }

  function wait(lost: Lost, slotMs = 0): State {
    const { ms, wished } = waitAfter(lost, slotMs, attempt, settings);
    attempt += 1;
    const { reason, message } = lost;
    const status: Status = { type: "waiting", reason, message, retryInMs: ms, attempt, offline };
    return { name: "waiting", cancel: limit(ms), wished, status };
  }

  function close(_: State, error: Error | undefined): State {
    for (const link of links) link.leave();
    outbox.close();
    inbox.end(error);
    return {
      name: "closed",
      nothing: true,
      status: error === undefined ? { type: "closed" } : { type: "closed", error },
    };
  }

  function limit(ms: number) {
    return clock.after(ms, () => take(state, "timeout", undefined));
  }

  function take<N extends StateName, I extends keyof Inputs>(now: State<N>, input: I, detail: Inputs[I]): void {
    const moves: Moves<N> = table[now.name];
    const move = moves[input];
    if (move !== undefined) enter(move(now, detail));
  }

  function enter(next: State): void {
    if (next === state) return;
    if ("cancel" in state) state.cancel();
    state = next;
    outbox.attach(next.name === "open" || next.name === "told" || next.name === "moving" ? next.link : undefined);
    status.set(next.status);
    if (state !== next) return;
    if (next.name === "connecting") next.link.open();
    else if (next.name === "moving") next.next.open();
  }

  function roleOf(link: Link): Role | undefined {
    if ("link" in state && state.link === link) return "link";
    return "next" in state && state.next === link ? "next" : undefined;
  }

  const status = writable<Status>({ type: "connecting", attempt });
  let state: State = { name: "loading", nothing: true, status: status.get() };

  return {
    status,
    inbox,
    outbox,
    begin(cursor) {
      if (state.name === "loading") reception.begin(cursor);
      take(state, "loaded", undefined);
    },
    news(news) {
      offline = news === "offline";
      for (const link of links) link.probe();
      if (news === "wake") take(state, "wake", undefined);
    },
    async close(error) {
      take(state, "close", error);
      await Promise.all(Array.from(links, (link) => link.gone));
    },
  };
}
