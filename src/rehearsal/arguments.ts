import { Reading, split } from "./flag-reading.js";
import { COURSE, LOAD, OUTPUT, REMOTE, STAGE } from "./flags.js";
import type { LocalStageOptions, RehearsalOptions } from "./options.js";

export type Understood =
  | { readonly type: "help" }
  | {
      readonly type: "rehearsal";
      readonly options: RehearsalOptions;
      /** Files to write, by their endings. */
      readonly reports: readonly string[];
      /** The options in force by their names, as a report may show them: without passwords. */
      readonly shown: Readonly<Record<string, string>>;
    };

/**
 * The command line of `lastcall rehearse`.
 * @throws LastcallError `invalid_request` that names every option that is wrong, what it takes, and what it got
 */
export function understand(args: readonly string[]): Understood {
  const { values, program } = split(args);
  if (values["help"] === true) return { type: "help" };
  const reading = new Reading(values);
  const { get } = reading;
  const url = get(REMOTE.url);
  const adapter = get(LOAD.adapter);
  const protocols = adapter !== undefined && !reading.has(LOAD.protocols) ? ["adapter" as const] : get(LOAD.protocols);
  const rollout = get(REMOTE.rollout);
  const local = localStage(reading, program);
  const options: RehearsalOptions = {
    stage: url === undefined ? local : { type: "remote", url, rollout },
    clients: get(LOAD.clients),
    protocols,
    adapter,
    rate: get(LOAD.rate),
    publishers: get(LOAD.publishers),
    padBytes: get(LOAD.pad),
    itemsPath: get(LOAD.itemsPath),
    requests: get(LOAD.requests),
    requestPath: get(LOAD.requestPath),
    rounds: get(COURSE.rounds),
    steadyMs: get(COURSE.steady),
    settleMs: get(COURSE.settle),
    chaos: get(COURSE.chaos),
    judge: get(COURSE.judge),
    seed: get(COURSE.seed),
  };
  const reports = get(OUTPUT.reports);
  if (url === undefined) {
    reading.rule(rollout === undefined, REMOTE.rollout, "to come with --url");
    reading.rule(
      local.windowMaxMs >= local.windowMs,
      STAGE.windowMax,
      `at least --window (${local.windowMs / 1_000}s)`,
    );
    reading.rule(local.preStopMs < local.graceMs, STAGE.grace, `more than --prestop (${local.preStopMs / 1_000}s)`);
  } else {
    for (const flag of Object.values(STAGE)) reading.rule(!reading.has(flag), flag, "to be left out with --url");
    reading.rule(program.length === 0, REMOTE.url, "to be left out with a program of its own (after --)");
  }
  const foreign = protocols.includes("adapter");
  reading.rule(!foreign || adapter !== undefined, LOAD.protocols, "to come with --adapter where it names adapter");
  reading.rule(foreign || adapter === undefined, LOAD.adapter, "to come with --protocol adapter");
  reading.throwFaults();
  return { type: "rehearsal", options, reports, shown: reading.shown(url === undefined ? REMOTE : STAGE, program) };
}

function localStage(reading: Reading, program: readonly string[]): LocalStageOptions {
  const { get } = reading;
  const [file, ...args] = program;
  const windowMs = get(STAGE.window);
  const windowMaxMs = get(STAGE.windowMax);
  return {
    type: "local",
    replicas: get(STAGE.replicas),
    maxSurge: get(STAGE.surge),
    preStopMs: get(STAGE.preStop),
    windowMs,
    // A longer window moves the default, which was not chosen, along.
    windowMaxMs: reading.has(STAGE.windowMax) ? windowMaxMs : Math.max(windowMs, windowMaxMs),
    staggerMs: get(STAGE.stagger),
    graceMs: get(STAGE.grace),
    lagMs: get(STAGE.lag),
    journal: get(STAGE.journal),
    program: file === undefined ? undefined : [file, ...args],
    readyPath: get(STAGE.readyPath),
    env: Object.fromEntries(
      get(STAGE.env).map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)]),
    ),
  };
}
