/** The phases of a drain, in order. */
export const PHASES = ["window", "announce", "finish", "close", "requests", "release", "linger"] as const;

export type Phase = (typeof PHASES)[number];

/** How a phase ended: its work was done, its cap was reached, its work failed, or there was nothing to do. */
export type Outcome = "completed" | "expired" | "failed" | "skipped";

export type Stage = "serving" | Phase | "done";

export type Step = "start" | Outcome | "deadline";

type Row = Readonly<Partial<Record<Step, Stage>>>;

/** However a phase ends, the drain goes on; only the deadline ends it early. */
const then = (next: Stage): Row => ({
  completed: next,
  expired: next,
  failed: next,
  skipped: next,
  deadline: "done",
});

/** Every way from one stage to another; what is not here cannot happen. */
export const TRANSITIONS: Readonly<Record<Stage, Row>> = {
  serving: { start: "window" },
  window: then("announce"),
  announce: then("finish"),
  finish: then("close"),
  close: then("requests"),
  requests: then("release"),
  release: then("linger"),
  linger: then("done"),
  done: {},
};

/** Whether `stage` has reached `phase`. */
export function reached(stage: Stage, phase: Phase): boolean {
  if (stage === "serving") return false;
  return stage === "done" || PHASES.indexOf(stage) >= PHASES.indexOf(phase);
}
