import { understand } from "./arguments.js";
import { conduct } from "./conduct.js";
import type { Report } from "./findings.js";
import { rehearseHelp } from "./help.js";
import type { RehearsalOptions } from "./options.js";
import { paintFor, type Screen } from "./paint.js";
import { progressLines } from "./progress-lines.js";
import { liveProgress } from "./progress-live.js";
import type { Progress } from "./progress-port.js";
import { terminalReport } from "./report/terminal.js";
import { assertWritable, writeReports } from "./report/write.js";

/** What starts when a signal or an uncaught error is met, as the process's edge wants it. */
interface Shutdown {
  begin(cause: { readonly type: string; readonly error?: Error }): Promise<number>;
  note(what: object): void;
  abandon(signal: string): Promise<void>;
}

type Out = NodeJS.WritableStream & Screen;

/** What the command needs of the process; `perform` is the rehearsal itself. */
export interface Surroundings {
  readonly version: string;
  /** For the result. */
  readonly stdout: Out;
  /** For the progress. */
  readonly stderr: Out;
  handle(shutdown: Shutdown): void;
}

/** Rolls, looks and judges; when `signal` aborts it ends what it started, and gives what was seen. */
export type Perform = (
  options: RehearsalOptions,
  about: { readonly version: string; readonly shown: Readonly<Record<string, string>> },
  progress: Progress,
  signal: AbortSignal,
) => Promise<Report>;

const WIDTH = 100;

/**
 * `lastcall rehearse`. Gives the exit code: 0 pass, 1 fail, 3 inconclusive.
 * @throws LastcallError `invalid_request` for a command line that is not understood; what kept the rehearsal from going on
 */
export async function run(process: Surroundings, args: readonly string[], perform: Perform = conduct): Promise<number> {
  const understood = understand(args);
  if (understood.type === "help") {
    process.stdout.write(rehearseHelp());
    return 0;
  }
  const { options, reports, shown } = understood;
  await assertWritable(reports);
  const abort = new AbortController();
  const ended = show(
    process,
    reports,
    (progress) => perform(options, { version: process.version, shown }, progress, abort.signal),
    options.rounds,
  );
  process.handle({
    async begin(cause) {
      abort.abort();
      if (cause.error !== undefined) process.stderr.write(`${cause.error.stack}\n`);
      const code = await ended;
      return cause.error === undefined ? code : 1;
    },
    note() {},
    async abandon() {},
  });
  return await ended;
}

async function show(
  { stdout, stderr }: Surroundings,
  reports: readonly string[],
  perform: (progress: Progress) => Promise<Report>,
  rounds: number,
): Promise<number> {
  const deaf: Out[] = [stdout, stderr];
  // Whoever reads may have seen enough (`| head`); the rehearsal goes on, and its reports are written.
  for (const out of deaf) out.on("error", () => {});
  const live = stderr.isTTY === true ? liveProgress(stderr, paintFor(stderr), rounds) : undefined;
  let report: Report;
  try {
    report = await perform(live ?? progressLines((text) => stderr.write(text)));
  } finally {
    live?.end();
  }
  stdout.write(`\n${terminalReport(report, paintFor(stdout), stdout.columns ?? WIDTH)}`);
  await writeReports(reports, report);
  if (reports.length > 0) stdout.write(`\nReport: ${reports.join(", ")}\n`);
  return report.verdict.exitCode;
}
