import type {
  Distribution,
  Evidence,
  ReplicaFindings,
  Report,
  RoundSpan,
  Series,
} from "../../src/rehearsal/findings.js";

/** Made up, for the form alone: three replicas rolled twice under 60 clients. No figure of it was measured. */
export function samplePass(): Report {
  const { series, replicas } = rolled(3, 2);
  return {
    lastcall: "0.1.0",
    startedAt: "2026-01-01T12:00:00.000Z",
    durationMs: 74_200,
    environment: { Node: "v20.20.2", system: "Linux 6.1 x64", processor: "2 × Some CPU", journal: "lmdb" },
    options: {
      "--replicas": "3",
      "--clients": "60",
      "--rate": "40",
      "--rounds": "2",
      "--grace": "60 s",
      "--chaos": "none",
    },
    findings: {
      protocols: [
        {
          protocol: "lastcall.v1",
          clients: 36,
          connections: 108,
          items: 102_960,
          onConnections: none,
          perClient: none,
          given: none,
          gapsTold: 0,
          missedWhileDisconnected: 0,
          handedOver: 72,
          twice: 14,
          refused: 0,
          reset: 0,
          ends: { 1000: 108 },
          pauses: spread(36, 44, 96, 118),
          reconnects: spread(72, 0, 0, 0),
        },
        {
          protocol: "text",
          clients: 24,
          connections: 77,
          items: 68_112,
          onConnections: none,
          perClient: none,
          given: undefined,
          gapsTold: 0,
          missedWhileDisconnected: 612,
          handedOver: 0,
          twice: 0,
          refused: 3,
          reset: 0,
          ends: { 1012: 53, 1000: 24 },
          pauses: spread(24, 1_120, 1_904, 1_988),
          reconnects: spread(53, 1_004, 1_890, 1_971),
        },
      ],
      publishing: {
        published: 2_880,
        acked: 2_880,
        known: 4,
        unacked: 0,
        unackedOnce: 0,
        ackLost: 0,
        ackRepeated: 0,
        lateness: spread(2_880, 0, 2, 9),
        latency: spread(2_880, 3, 14, 41),
      },
      requests: { kept: 720, fresh: 720, failures: {}, latency: spread(1_440, 2, 11, 38) },
      stampede: { connections: 4, at: 22_300 },
      replicas,
      rolled: 6,
      rounds: 2,
      longestPauseMs: 1_988,
      notReplaced: 0,
      withoutSentinel: 0,
      evidence: [],
      faults: {},
      loopLagP99Ms: 11,
    },
    verdict: {
      type: "pass",
      exitCode: 0,
      text: "171072 items given in 6 rollouts: nothing lost, repeated or out of order",
      reasons: [],
      worth: "0 losses in 6 rollouts: below 50 % of rollouts lose, at 95 %",
    },
    series,
  };
}

/** The same with faults, of which one is told by somebody hostile. */
export function sampleFail(replica = "replica-4"): Report {
  const pass = samplePass();
  const evidence: Evidence[] = [
    {
      kind: "lost",
      at: 31_240,
      who: "client 17",
      connection: 1,
      replica,
      item: "publisher p1, item 204 (815-k3j2h1aa)",
      text: "never came: 203 was followed by 205",
      judged: true,
    },
    { kind: "request", at: 33_010, who: "requests", replica, text: "ECONNRESET on a kept connection", judged: true },
    { kind: "cut_short", at: 35_500, who: "client 40", connection: 2, text: "ended without SHUTDOWN", judged: false },
  ];
  const [v1, ...others] = pass.findings.protocols;
  return {
    ...pass,
    findings: {
      ...pass.findings,
      protocols: v1 === undefined ? [] : [{ ...v1, perClient: { lost: 3, repeated: 0, outOfOrder: 0 } }, ...others],
      requests: { ...pass.findings.requests, failures: { ECONNRESET: 2, 503: 1 } },
      evidence,
      faults: { lost: 3, request: 3 },
      replicas: pass.findings.replicas.map((one, i) =>
        i === 1 ? { ...one, killed: "grace_over", exit: "SIGKILL" } : one,
      ),
    },
    verdict: {
      type: "fail",
      exitCode: 1,
      text: `3 lost, 3 requests failed; first: client 17, connection 1, on ${replica}, at 31.240 s: publisher p1, item 204 (815-k3j2h1aa) never came: 203 was followed by 205`,
      reasons: [],
      worth: undefined,
    },
  };
}

const none = { lost: 0, repeated: 0, outOfOrder: 0 };

function spread(count: number, p50: number, p99: number, max: number): Distribution {
  return { count, p50, p99, max };
}

const STEP_MS = 100;
const CLIENTS = 60;
const FIRST_MS = 6_000;
const EACH_MS = 10_000;
const DRAIN_MS = 5_000;

/** Each replica's clients move, one after the other within its drain, to those that stay. */
export function rolled(replicas: number, rounds: number) {
  let seed = 7;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const total = replicas * (rounds + 1);
  const at = (n: number) => FIRST_MS + n * EACH_MS + Math.floor(n / replicas) * 3_000;
  const steps = Math.ceil((at(replicas * rounds) + 4_000) / STEP_MS);
  const counts = Array.from({ length: total }, () => Array.from({ length: steps }, () => 0));
  const pauses = Array.from({ length: steps }, () => Math.round(24 + random() * 20));
  const reconnects = Array.from({ length: steps }, () => 0);
  for (let client = 0; client < CLIENTS; client += 1) {
    let home = client % replicas;
    let since = Math.round(5 + random() * 8);
    reconnects[since] = (reconnects[since] ?? 0) + 1;
    for (let roll = 0; roll <= replicas * rounds; roll += 1) {
      const last = roll === replicas * rounds;
      if (!last && home !== roll) continue;
      const until = last ? steps : Math.round((at(roll) + 3_000 + random() * DRAIN_MS) / STEP_MS);
      for (let i = since; i < until; i += 1) add(counts[home], i, 1);
      if (last) break;
      since = until;
      if (client % 5 === 4) {
        since += Math.round(10 + random() * 9);
        pauses[since] = Math.max(pauses[since] ?? 0, (since - until) * STEP_MS);
      }
      add(reconnects, since, 1);
      home = roll + 1 + Math.floor(random() * replicas);
    }
  }
  const spans: RoundSpan[] = Array.from({ length: rounds }, (_, i) => ({
    n: i + 1,
    fromMs: at(i * replicas) - 1_500,
    toMs: at((i + 1) * replicas - 1) + 3_000 + DRAIN_MS,
    acts: Array.from({ length: replicas }, (_, k) => ({
      atMs: at(i * replicas + k),
      what: `replica-${i * replicas + k + 1} was deleted`,
    })),
  }));
  const series: Series = {
    stepMs: STEP_MS,
    connections: counts.map((one, i) => ({ replica: `replica-${i + 1}`, counts: one })),
    pauses,
    reconnects,
    rounds: spans,
  };
  const ended: ReplicaFindings[] = Array.from({ length: total }, (_, i) => ({
    name: `replica-${i + 1}`,
    ...(i < replicas * rounds
      ? { goneMs: 8_230 + Math.round(random() * 900), phases: phases(random), exit: "0", killed: undefined }
      : { goneMs: undefined, phases: [], exit: "SIGTERM", killed: undefined }),
  }));
  return { series, replicas: ended };
}

function add(counts: number[] | undefined, i: number, n: number): void {
  if (counts !== undefined && i < counts.length) counts[i] = (counts[i] ?? 0) + n;
}

function phases(random: () => number) {
  return Object.entries({
    preStop: 1_003,
    window: 2_000 + random() * 900,
    announce: 3,
    finish: 12,
    close: 4_400 + random() * 500,
    requests: 210 * random(),
    release: 18,
  }).map(([phase, ms]) => ({ phase, ms }));
}
