import { hostname } from "node:os";
import type { BudgetSettings } from "../drain/budget.js";
import type { JournalOptions } from "../journal/port.js";
import { misspelled } from "./misspelled.js";
import { type Env, Reading } from "./reading.js";
import { type LogLevel, SETTINGS, VARIABLES } from "./settings.js";

/** What the environment says, checked and typed. Times in ms, sizes in bytes. Defaults: src/service/settings.ts. */
export interface Settings {
  readonly port: number;
  readonly host: string;
  /** Absent: health, ready and metrics are served on `port`. */
  readonly adminPort?: number;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly journalUrl: string;
  readonly journal: JournalOptions;
  /** Each part is within its own bound; whether their sum fits is `checkBudget`'s to say. */
  readonly budget: BudgetSettings;
  readonly lingerScrapes: number;
  readonly pingIntervalMs: number;
  readonly dependencyGraceMs: number;
  /** `intervalMs` 0 is off; without `finalItems` each drain draws 1 to 10. */
  readonly feed: { readonly intervalMs: number; readonly finalItems?: number };
  readonly textPublish: boolean;
  /** `maxConnections` 0 is no limit. */
  readonly limits: { readonly maxConnections: number; readonly maxItemBytes: number; readonly slowMaxMs: number };
  readonly logLevel: LogLevel;
  readonly podName: string;
  readonly terminationMessagePath: string;
  /** Variables that look like a misspelt setting, one sentence each; to be logged. */
  readonly warnings: readonly string[];
}

/**
 * Reads every setting. A blank variable counts as unset; white space around a value is ignored.
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
    },
    budget: {
      timeoutMs: reading.get(s.timeout),
      preStopMs: reading.get(s.preStop),
      removalMs: reading.get(s.removal),
      removalMaxMs: reading.get(s.removalMax),
      finishMs: reading.get(s.finish),
      staggerMs: reading.get(s.stagger),
      closeMs: reading.get(s.close),
      requestsMs: reading.get(s.requests),
      releaseMs: reading.get(s.release),
      lingerMs: reading.get(s.linger),
    },
    lingerScrapes: reading.get(s.lingerScrapes),
    pingIntervalMs: reading.get(s.pingInterval),
    dependencyGraceMs: reading.get(s.dependencyGrace),
    feed: { intervalMs: reading.get(s.feedInterval), ...(finalItems === undefined ? {} : { finalItems }) },
    textPublish: reading.get(s.textPublish),
    limits: {
      maxConnections: reading.get(s.maxConnections),
      maxItemBytes: reading.get(s.maxItemBytes),
      slowMaxMs: reading.get(s.slowMax),
    },
    logLevel: reading.get(s.logLevel),
    podName: reading.get(s.podName) ?? hostname(),
    terminationMessagePath: reading.get(s.terminationMessagePath),
    warnings: misspelled(Object.keys(env), VARIABLES),
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
    s.removalMax,
    s.removal,
    `0, or at least ENDPOINT_REMOVAL_SECONDS (${s.removal.kind.show(budget.removalMs)})`,
  );
  reading.throwFaults();
  return settings;
}
