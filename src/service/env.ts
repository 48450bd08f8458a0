import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { LastcallError, toError } from "../base/errors.js";
import { type BudgetSettings, checkBudget, neededMs } from "../drain/budget.js";
import { checkJournalUrl } from "../journal/open.js";
import type { JournalOptions } from "../journal/port.js";
import { misspelled } from "./misspelled.js";
import { type Env, Reading, type Refusal } from "./reading.js";
import { type LogLevel, SETTINGS, SUMMED, VARIABLES, variableOf } from "./settings.js";
import { readCertificate, type TlsFiles } from "./tls.js";
import { readTracing, type TracingSettings, tracingWarnings } from "./tracing-settings.js";

/** What the environment says, checked and typed. Times in ms, sizes in bytes. Defaults: src/service/settings.ts. */
export interface Settings {
  readonly port: number;
  readonly host: string;
  /** Absent: health, ready and metrics are served on `port`. */
  readonly adminPort?: number;
  readonly tls?: TlsFiles;
  readonly journalUrl: string;
  readonly journal: JournalOptions;
  /** Each part is within its own bound, and their sum fits. */
  readonly budget: BudgetSettings;
  readonly lingerScrapes: number;
  readonly pingIntervalMs: number;
  readonly heartbeatMs: number;
  readonly dependencyGraceMs: number;
  /** `intervalMs` 0 is off; without `finalItems` each drain draws 1 to 10. */
  readonly feed: { readonly intervalMs: number; readonly finalItems?: number };
  readonly textPublish: boolean;
  /** `maxConnections` 0 is no limit. */
  readonly limits: {
    readonly maxConnections: number;
    readonly maxPinnedBytes: number;
    readonly maxItemBytes: number;
    readonly slowMaxMs: number;
  };
  readonly logLevel: LogLevel;
  readonly podName: string;
  readonly terminationMessagePath: string;
  /** Absent: nothing is traced. */
  readonly tracing?: TracingSettings;
  /** Variables that look like a misspelt setting, or that say nothing without another; one sentence each; to be logged. */
  readonly warnings: readonly string[];
}

/**
 * Reads every setting, and judges what can be judged before anything is started: the certificate's files, the journal's
 * URL, the sum of the budget. A blank variable counts as unset; white space around a value is ignored.
 *
 * @throws LastcallError `invalid_settings`, with all faults at once: one line each, naming the variable, what it takes
 * and what it got (passwords masked).
 */
export function readSettings(env: Env): Settings {
  const reading = new Reading(env);
  const s = SETTINGS;
  const adminPort = reading.get(s.adminPort);
  const finalItems = reading.get(s.feedFinalItems);
  const certFile = reading.get(s.tlsCertFile);
  const keyFile = reading.get(s.tlsKeyFile);
  const tracing = readTracing(reading);
  const settings: Settings = {
    port: reading.get(s.port),
    host: reading.get(s.host),
    ...(adminPort === undefined ? {} : { adminPort }),
    ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
    journalUrl: reading.get(s.journalUrl),
    journal: {
      retentionItems: reading.get(s.retentionItems),
      retentionMs: reading.get(s.retention),
      keyTtlMs: reading.get(s.keyTtl),
      maxStreams: reading.get(s.maxStreams),
      redisWait: reading.get(s.redisWait),
    },
    budget: {
      timeoutMs: reading.get(s.timeoutMs),
      preStopMs: reading.get(s.preStopMs),
      removalMs: reading.get(s.removalMs),
      removalMaxMs: reading.get(s.removalMaxMs),
      finishMs: reading.get(s.finishMs),
      staggerMs: reading.get(s.staggerMs),
      closeMs: reading.get(s.closeMs),
      requestsMs: reading.get(s.requestsMs),
      releaseMs: reading.get(s.releaseMs),
      lingerMs: reading.get(s.lingerMs),
    },
    lingerScrapes: reading.get(s.lingerScrapes),
    pingIntervalMs: reading.get(s.pingInterval),
    heartbeatMs: reading.get(s.heartbeat),
    dependencyGraceMs: reading.get(s.dependencyGrace),
    feed: { intervalMs: reading.get(s.feedInterval), ...(finalItems === undefined ? {} : { finalItems }) },
    textPublish: reading.get(s.textPublish),
    limits: {
      maxConnections: reading.get(s.maxConnections),
      maxPinnedBytes: reading.get(s.maxPinnedBytes),
      maxItemBytes: reading.get(s.maxItemBytes),
      slowMaxMs: reading.get(s.slowMax),
    },
    logLevel: reading.get(s.logLevel),
    podName: reading.get(s.podName) ?? hostname(),
    terminationMessagePath: reading.get(s.terminationMessagePath),
    ...(tracing === undefined ? {} : { tracing }),
    warnings: [...misspelled(Object.keys(env), VARIABLES), ...tracingWarnings(env)],
  };

  const { port, budget } = settings;
  reading.rule(adminPort !== port || port === 0, s.adminPort, s.port, `another port than PORT (${port}), or 0`);
  reading.rule(
    keyFile === undefined || certFile !== undefined,
    s.tlsCertFile,
    s.tlsKeyFile,
    "a file, as TLS_KEY_FILE is set",
  );
  reading.rule(
    certFile === undefined || keyFile !== undefined,
    s.tlsKeyFile,
    s.tlsCertFile,
    "a file, as TLS_CERT_FILE is set",
  );
  reading.rule(
    budget.removalMaxMs === 0 || budget.removalMaxMs >= budget.removalMs,
    s.removalMaxMs,
    s.removalMs,
    `0, or at least ENDPOINT_REMOVAL_SECONDS (${s.removalMs.kind.show(budget.removalMs)})`,
  );
  const { tls } = settings;
  reading.judge(s.journalUrl, [], () => journalUrlRefusal(settings.journalUrl));
  if (tls !== undefined) {
    reading.judge(s.tlsCertFile, [], () => unreadable(tls.certFile));
    reading.judge(s.tlsKeyFile, [], () => unreadable(tls.keyFile));
    reading.judge(s.tlsCertFile, [s.tlsKeyFile], () => noCertificate(tls));
  }
  reading.judge(s.timeoutMs, SUMMED, () => budgetRefusal(budget));
  reading.throwFaults();
  return settings;
}

function journalUrlRefusal(url: string): Refusal | undefined {
  try {
    checkJournalUrl(url);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof LastcallError)) throw thrown;
    // Not the masked URL: of one that no backend takes nobody can say where in it a password stands.
    const { expected, received } = thrown.detail;
    return { expected: String(expected), received: String(received) };
  }
}

function unreadable(file: string): Refusal | undefined {
  try {
    readFileSync(file);
    return undefined;
  } catch (thrown) {
    return { expected: "a readable file", received: toError(thrown).message };
  }
}

function noCertificate(files: TlsFiles): Refusal | undefined {
  try {
    readCertificate(files);
    return undefined;
  } catch (thrown) {
    const { message } = toError(toError(thrown).cause ?? thrown);
    const expected = "a certificate (PEM) whose private key is in TLS_KEY_FILE";
    return { expected, received: `${JSON.stringify(files.certFile)} (${message})` };
  }
}

function budgetRefusal(budget: BudgetSettings): Refusal | undefined {
  try {
    checkBudget(budget, variableOf);
    return undefined;
  } catch (thrown) {
    const expected = `at least ${SETTINGS.timeoutMs.kind.show(neededMs(budget))}`;
    return { expected, note: toError(thrown).message };
  }
}
