import type { Clock } from "../../src/base/clock.js";
import type { ClientsNow, DrainPorts } from "../../src/drain/ports.js";

/**
 * What one port does when it is asked: settles or fails `ms` later (or when the signal aborts, if it `heeds` that),
 * hangs for ever, or throws before it has begun.
 */
export type Behaviour =
  | { readonly type: "settles" | "fails"; readonly ms: number; readonly heeds: boolean }
  | { readonly type: "hangs" }
  | { readonly type: "throws" };

export const AT_ONCE: Behaviour = { type: "settles", ms: 0, heeds: true };

export interface Script {
  readonly finish: Behaviour;
  readonly announce: Behaviour;
  readonly mark: Behaviour;
  readonly close: Behaviour;
  readonly requests: Behaviour;
  readonly publishes: Behaviour;
  readonly closables: readonly Behaviour[];
  readonly figures: Behaviour;
  readonly clients: Partial<ClientsNow>;
  readonly openRequests: number;
  readonly pendingPublishes: number;
}

export const SMOOTH: Script = {
  finish: AT_ONCE,
  announce: AT_ONCE,
  mark: AT_ONCE,
  close: AT_ONCE,
  requests: AT_ONCE,
  publishes: AT_ONCE,
  closables: [AT_ONCE, AT_ONCE],
  figures: AT_ONCE,
  clients: {},
  openRequests: 0,
  pendingPublishes: 0,
};

const NOBODY: ClientsNow = {
  told: 0,
  flushed: 0,
  left: 0,
  handedOver: 0,
  cut: 0,
  gone: 0,
  open: 0,
  echoed: 0,
  unanswered: 0,
  items: 0,
  resumable: 0,
};

/** How many items a scripted source says it appended. */
export const FINALS = 3;

/** The world of a drain, as `script` wants it. `calls` names every port asked, in order. */
export function scriptedPorts(clock: Clock, script: Script) {
  const calls: string[] = [];
  const signals = new Map<string, AbortSignal>();
  const world = { arrivedAt: undefined as number | undefined, timers: 0, announcements: [] as object[] };

  const perform = (name: string, behaviour: Behaviour, signal: AbortSignal): Promise<void> => {
    calls.push(name);
    signals.set(name, signal);
    if (behaviour.type === "throws") throw new Error(`${name} threw`);
    return new Promise((resolve, reject) => {
      if (behaviour.type === "hangs") return;
      if (behaviour.ms === 0 && behaviour.type === "settles") return resolve();
      const end = () => {
        cancel();
        world.timers -= 1;
        signal.removeEventListener("abort", end);
        if (behaviour.type === "settles") resolve();
        else reject(new Error(`${name} failed`));
      };
      world.timers += 1;
      const cancel = clock.after(behaviour.ms, end);
      if (behaviour.heeds) signal.addEventListener("abort", end);
    });
  };

  const ports: DrainPorts = {
    arrivals: { lastAt: () => world.arrivedAt },
    source: { finish: (signal) => perform("finish", script.finish, signal).then(() => FINALS) },
    clients: {
      announce(announcement) {
        calls.push("announce");
        world.announcements.push(announcement);
        if (script.announce.type !== "settles") throw new Error("announce threw");
      },
      mark: (signal) => perform("mark", script.mark, signal),
      close: (signal) => perform("close", script.close, signal),
      report: () => ({ ...NOBODY, ...script.clients }),
    },
    requests: {
      settle: (signal) => perform("requests", script.requests, signal),
      report: () => ({ finished: 0, open: script.openRequests }),
    },
    publishes: {
      settle: (signal) => perform("publishes", script.publishes, signal),
      pending: () => script.pendingPublishes,
    },
    closables: script.closables.map((behaviour, i) => ({
      name: `closable ${i}`,
      close: (signal) => perform(`closable ${i}`, behaviour, signal),
    })),
    figures: { scraped: (signal) => perform("figures", script.figures, signal) },
  };
  return { ports, calls, signals, world };
}
