import { LastcallError } from "../base/errors.js";

/** The settings one drain is planned from; all in ms. Defaults: design of the settings table (README). */
export interface BudgetSettings {
  /** SIGTERM to exit, at most. Default 50,000. */
  readonly timeoutMs: number;
  /** P: what the platform's preStop sleep has already waited before SIGTERM. Default 0. */
  readonly preStopMs: number;
  /** W: how long the removal of an endpoint takes at least. Default 5,000. */
  readonly removalMs: number;
  /** Wmax: how long it may take; 0 skips the window. Default 15,000. */
  readonly removalMaxMs: number;
  /** For the source's last items. Default 5,000. */
  readonly finishMs: number;
  /** S: over which clients leave. Default 5,000. */
  readonly staggerMs: number;
  /** For a client to take what is left for it and to answer the close. Default 5,000. */
  readonly closeMs: number;
  /** For requests in flight. Default 10,000. */
  readonly requestsMs: number;
  /** For what is accepted to reach the journal, and for what is open to be closed. Default 5,000. */
  readonly releaseMs: number;
  /** L: how long the figures wait to be scraped. Default 0. */
  readonly lingerMs: number;
}

export const BUDGET_DEFAULTS: BudgetSettings = {
  timeoutMs: 50_000,
  preStopMs: 0,
  removalMs: 5_000,
  removalMaxMs: 15_000,
  finishMs: 5_000,
  staggerMs: 5_000,
  closeMs: 5_000,
  requestsMs: 10_000,
  releaseMs: 5_000,
  lingerMs: 0,
};

/** What set the drain off, as far as time is concerned. */
export interface Timing {
  /** The platform removed the endpoint and slept P before it sent the signal. */
  readonly afterPreStop: boolean;
  /** A terminal asked: there is no endpoint to be removed. */
  readonly skipWindow: boolean;
}

/** The drain's time, shared out. The parts add up to `totalMs` at most. */
export interface Plan {
  readonly totalMs: number;
  readonly windowMinMs: number;
  readonly windowMaxMs: number;
  readonly finishMs: number;
  readonly staggerMs: number;
  readonly closeMs: number;
  readonly requestsMs: number;
  readonly releaseMs: number;
  readonly lingerMs: number;
}

export interface Part {
  readonly part: string;
  readonly ms: number;
}

/** The parts of a plan in the order they pass; the metric `graceful_shutdown_budget_seconds{part}` shows the same. */
export function parts(plan: Plan): readonly Part[] {
  return [
    { part: "window", ms: plan.windowMaxMs },
    { part: "finish", ms: plan.finishMs },
    { part: "stagger", ms: plan.staggerMs },
    { part: "close", ms: plan.closeMs },
    { part: "requests", ms: plan.requestsMs },
    { part: "release", ms: plan.releaseMs },
    { part: "linger", ms: plan.lingerMs },
  ];
}

export function sum(plan: Plan): number {
  return parts(plan).reduce((total, part) => total + part.ms, 0);
}

/**
 * Shares out the time of one drain. After a preStop sleep the window is what that sleep left of W and Wmax and the
 * whole is `timeoutMs`; a drain that no preStop preceded owns that time too (grace period = P + timeout + margin).
 */
export function planDrain(settings: BudgetSettings, timing: Timing): Plan {
  const slept = timing.afterPreStop ? settings.preStopMs : 0;
  const windowMaxMs = timing.skipWindow ? 0 : Math.max(0, settings.removalMaxMs - slept);
  return {
    totalMs: settings.timeoutMs + settings.preStopMs - slept,
    windowMinMs: Math.min(windowMaxMs, Math.max(0, settings.removalMs - slept)),
    windowMaxMs,
    finishMs: settings.finishMs,
    staggerMs: settings.staggerMs,
    closeMs: settings.closeMs,
    requestsMs: settings.requestsMs,
    releaseMs: settings.releaseMs,
    lingerMs: settings.lingerMs,
  };
}

/**
 * Fits what comes after the window into what is left. Only the stagger and the linger give way (the linger last: a drain
 * whose figures nobody saw is hard to tell from one that was killed).
 */
export function fit(plan: Plan, leftMs: number): Plan {
  const firm = plan.finishMs + plan.closeMs + plan.requestsMs + plan.releaseMs;
  const spare = Math.max(0, leftMs - firm);
  const lingerMs = Math.min(plan.lingerMs, spare);
  return { ...plan, lingerMs, staggerMs: Math.min(plan.staggerMs, spare - lingerMs) };
}

/** How a setting is called by whoever reads the text; the option's own path for a caller of the plugin. */
export type NameOf = (option: keyof BudgetSettings) => string;

const optionName: NameOf = (option) => `budget.${option}`;

/** What the phases need after a preStop sleep, ms: the sum that must fit into `timeoutMs`. */
export function neededMs(settings: BudgetSettings): number {
  return sum(afterPreStop(settings));
}

/**
 * Refuses settings whose phases cannot fit, with the itemised sum.
 * @throws LastcallError `invalid_settings`
 */
export function checkBudget(settings: BudgetSettings, nameOf: NameOf = optionName): void {
  const detail = { neededMs: neededMs(settings), timeoutMs: settings.timeoutMs };
  if (detail.neededMs <= detail.timeoutMs) return;
  const text = itemise(settings, nameOf);
  throw new LastcallError("invalid_settings", `the drain does not fit into its budget\n${text}`, { detail });
}

/** The sum as text: a line for each part with the name of what sets it, the total and what there is. */
export function itemise(settings: BudgetSettings, nameOf: NameOf = optionName): string {
  const plan = afterPreStop(settings);
  const names: Readonly<Record<string, string>> = {
    window: `${nameOf("removalMaxMs")} - ${nameOf("preStopMs")}`,
    finish: nameOf("finishMs"),
    stagger: nameOf("staggerMs"),
    close: nameOf("closeMs"),
    requests: nameOf("requestsMs"),
    release: nameOf("releaseMs"),
    linger: nameOf("lingerMs"),
  };
  const line = (part: string, ms: number, note: string) =>
    `  ${part.padEnd(9)}${(ms / 1000)
      .toFixed(3)
      .replace(/\.?0+$/, "")
      .padStart(8)} s  ${note}`;
  return [
    ...parts(plan).map(({ part, ms }) => line(part, ms, names[part] ?? "")),
    line("sum", sum(plan), ""),
    line("budget", plan.totalMs, nameOf("timeoutMs")),
  ].join("\n");
}

function afterPreStop(settings: BudgetSettings): Plan {
  return planDrain(settings, { afterPreStop: true, skipWindow: false });
}
