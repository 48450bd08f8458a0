import closeWithGrace from "close-with-grace";
import type { Cause } from "../drain/events.js";

/** Signals this soon after the first are the same one: Ctrl-C in a terminal reaches npm and, through npm, us again. */
const SAME_SIGNAL_MS = 1_000;

/** Crashes of the process itself; JavaScript cannot do anything sensible after them. */
const CRASHES: closeWithGrace.Signals[] = ["SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV"];

/** What a signal or an uncaught error starts. */
export interface Shutdown {
  /** Resolves with the exit code when everything is done. */
  begin(cause: Cause): Promise<number>;
  /** Something more was met while it goes on. */
  note(what: { readonly error: Error } | { readonly signal: string }): void;
  /** Somebody asked a second time: the process ends, with 1, as soon as this settles. It must not take its time. */
  abandon(signal: string): Promise<void>;
}

type State =
  | { readonly type: "starting" }
  | { readonly type: "running"; readonly shutdown: Shutdown }
  | { readonly type: "ending"; readonly shutdown: Shutdown; readonly code: Promise<number> };

export interface Edge {
  /** From now on, a signal or an uncaught error starts `shutdown`. Before, a signal ends the process with 0. */
  handle(shutdown: Shutdown): void;
  /** Ends the process with 1, without a shutdown: it did not get so far. */
  fail(): void;
}

/**
 * Takes hold of the process's signals and uncaught errors. To be called first of all: as PID 1 a signal that nobody
 * handles is swallowed. close-with-grace owns the signals and is the only one to end the process.
 */
export function openEdge(): Edge {
  let state: State = { type: "starting" };
  let failed = false;

  function begin(cause: Cause): Promise<number> {
    if (state.type === "starting") return Promise.resolve(failed ? 1 : 0);
    if (state.type === "ending") return state.code;
    const { shutdown } = state;
    // A shutdown that fails is one that did not do its work.
    const code = shutdown.begin(cause).catch((thrown) => {
      process.stderr.write(`${thrown instanceof Error ? thrown.stack : thrown}\n`);
      return 1;
    });
    state = { type: "ending", shutdown, code };
    return code;
  }

  const grace = closeWithGrace(
    {
      // The drain has a deadline of its own; errors are not signals, and do not end a drain.
      delay: false,
      logger: false,
      skip: [...CRASHES, "uncaughtException", "unhandledRejection", "beforeExit"],
    },
    async ({ signal }) => {
      if (signal !== undefined) overlookRepeats(abandon);
      if (signal !== undefined && state.type === "ending") state.shutdown.note({ signal });
      const code = await begin({ type: "signal", signal: signal ?? "exit" });
      // close-with-grace ends with 1 when this rejects; the process's last word may be another.
      if (code > 1) process.once("exit", () => (process.exitCode = code));
      if (code !== 0) throw new Error(`exit code ${code}`);
    },
  );

  async function abandon(signal: string): Promise<void> {
    if (state.type !== "starting") await state.shutdown.abandon(signal);
  }

  function onError(thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (state.type === "starting") {
      process.stderr.write(`${error.stack ?? error.message}\n`);
      fail();
    } else if (state.type === "ending") state.shutdown.note({ error });
    else void begin({ type: "error", error }).then(() => grace.close());
  }

  function fail(): void {
    failed = true;
    state = { type: "starting" };
    void grace.close();
  }

  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);

  return {
    fail,
    handle(shutdown) {
      if (state.type === "starting") state = { type: "running", shutdown };
    },
  };
}

/**
 * Puts a second of deafness, and then the last words, before close-with-grace's listeners for the second signal, which
 * end the process.
 */
function overlookRepeats(abandon: (signal: string) => Promise<void>): void {
  const heardAt = performance.now();
  for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR2"] as const) {
    for (const listener of process.listeners(signal)) {
      const patient: NodeJS.SignalsListener = (...heard) => {
        if (performance.now() - heardAt < SAME_SIGNAL_MS) return;
        void abandon(signal).finally(() => listener(...heard));
      };
      // Added before the other goes: without a listener the default, death, would be back for a moment.
      process.on(signal, patient);
      process.removeListener(signal, listener);
    }
  }
}
