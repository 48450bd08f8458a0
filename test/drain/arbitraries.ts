import fc from "fast-check";
import type { BudgetSettings } from "../../src/drain/budget.js";
import type { Cause } from "../../src/drain/events.js";
import type { Behaviour, Script } from "./scripted-ports.js";

/** Mostly whole seconds, as people set them, so that sums that fit exactly are met; sometimes 0, sometimes odd. */
const ms: fc.Arbitrary<number> = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 20 }).map((seconds) => seconds * 1_000) },
  { weight: 1, arbitrary: fc.nat({ max: 20_000 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);

/** Settings of any kind, also such as do not fit. */
export const anySettings: fc.Arbitrary<BudgetSettings> = fc.record({
  timeoutMs: fc.oneof(
    ms,
    ms.map((time) => time * 5),
  ),
  preStopMs: ms,
  removalMs: ms,
  removalMaxMs: ms,
  finishMs: ms,
  staggerMs: ms,
  closeMs: ms,
  requestsMs: ms,
  releaseMs: ms,
  lingerMs: ms,
});

/** What the parts after preStop come to, in the words of the design: the budget they need. */
export function needed(settings: BudgetSettings): number {
  const { finishMs, staggerMs, closeMs, requestsMs, releaseMs, lingerMs } = settings;
  const window = Math.max(0, settings.removalMaxMs - settings.preStopMs);
  return window + finishMs + staggerMs + closeMs + requestsMs + releaseMs + lingerMs;
}

/** Settings a process starts with: the sum fits, often with nothing to spare. */
export const fittingSettings: fc.Arbitrary<BudgetSettings> = fc
  .tuple(anySettings, fc.oneof(fc.constant(0), ms))
  .map(([settings, spare]) => ({ ...settings, timeoutMs: needed(settings) + spare }));

export const anyCause: fc.Arbitrary<Cause> = fc.oneof(
  fc.constantFrom("SIGTERM", "SIGINT", "SIGHUP").map((signal) => ({ type: "signal", signal }) as const),
  fc.constantFrom({ type: "request" } as const, { type: "close" } as const),
  fc.constant({ type: "error", error: new Error("boom") } as const),
);

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constantFrom("settles", "fails"),
      ms: fc.oneof(fc.constant(0), ms, fc.constant(200_000)),
      heeds: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Behaviour>({ type: "hangs" }, { type: "throws" }) },
);

const few = fc.constantFrom(0, 0, 0, 2);

/** Ports that do anything at all. */
export const anyScript: fc.Arbitrary<Script> = fc.record({
  finish: behaviour,
  announce: behaviour,
  mark: behaviour,
  close: behaviour,
  requests: behaviour,
  publishes: behaviour,
  closables: fc.array(behaviour, { maxLength: 3 }),
  figures: behaviour,
  clients: fc.record({ cut: few, open: few }),
  openRequests: few,
  pendingPublishes: few,
});
