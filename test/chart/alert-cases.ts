import { DRAINING, drained, type Figures, LONG_AGO, type Pod, restarted, UNREACHABLE } from "./pods.js";

/** An alert's value as its text shows it, and labels of its own (empty: it lacks that one). */
interface Fired {
  readonly value: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** What pods show, and which alerts fire at which second; no other may. */
export interface Case {
  readonly pods: readonly Pod[];
  readonly firing: Readonly<Record<number, Readonly<Record<string, readonly Fired[]>>>>;
}

const fires = (value: string, labels: Fired["labels"] = {}): readonly Fired[] => [{ value, labels }];
/** What fires from the first evaluation after a drain's end on, until the drain is forgotten. */
const afterADrain = (fired: Case["firing"][number]): Case["firing"] => ({ 630: {}, 660: fired, 1500: fired, 1560: {} });
const quietAt = (...seconds: readonly number[]): Case["firing"] =>
  Object.fromEntries(seconds.map((second) => [second, {}]));

/** A pod that is there from the beginning, is deleted, drains, is scraped once more and goes. */
const goes = (pod: string, final: Figures, at = 620): Pod => ({
  pod,
  gone: at + 40,
  shows: { [at]: DRAINING, [at + 30]: final },
});

/** A pod that is new, and that clients come to at a second. */
const comes = (pod: string, from: number, clients: number): Pod => {
  const so = (figure: number) => (second: number) => (second < clients ? 0 : figure);
  return {
    pod,
    from,
    shows: {
      0: {
        process_start_time_seconds: from,
        'lastcall_connections_total{phase="serving",result="accepted"}': so(100),
        'lastcall_arrivals_total{phase="serving"}': so(100),
        'lastcall_sockets{protocol="lastcall.v1"}': so(60),
        'lastcall_sockets{protocol="text"}': so(40),
      },
    },
  };
};

const NO_FINISH: Figures = { 'graceful_shutdown_budget_seconds{part="finish"}': 0 };
const STAYS: Pod = { pod: "stays" };
const STARTING: Figures = { 'lastcall_ready{reason="ready"}': 0, 'lastcall_ready{reason="starting"}': 1 };
const NEW_WITH_FOUR: Figures = { process_start_time_seconds: 615, 'lastcall_gaps_total{reason="replaced"}': 4 };
const FIVE: Figures = { 'lastcall_gaps_total{reason="replaced"}': 5 };
const CLEAN = drained("clean");
/** Before, between, and until everything has been forgotten. */
const THROUGHOUT = quietAt(300, 630, 660, 690, 720, 750, 780, 900, 1200, 1320, 1560, 1620, 1710);

export const QUIET = {
  "an ordinary rollout": {
    pods: [goes("a", CLEAN), goes("b", CLEAN, 600), comes("c", 600, 640), comes("d", 600, 640)],
    firing: THROUGHOUT,
  },
  "a rollout pod by pod": {
    pods: [goes("a", CLEAN), comes("b", 600, 640), goes("c", CLEAN, 700), comes("d", 680, 720)],
    firing: THROUGHOUT,
  },
  "one pod that ends before its successor begins": {
    pods: [goes("a", CLEAN), comes("b", 680, 690)],
    firing: THROUGHOUT,
  },
  "fewer pods": { pods: [goes("a", CLEAN), STAYS], firing: THROUGHOUT },
  "a process that drains and comes again in its pod": {
    pods: [{ pod: "a", shows: { 620: DRAINING, 650: CLEAN, 660: UNREACHABLE, 670: restarted(670) } }, STAYS],
    firing: THROUGHOUT,
  },
  "scrapes that fail for a while": {
    pods: [{ pod: "a", shows: { 620: UNREACHABLE, 660: restarted(LONG_AGO) } }, STAYS],
    firing: THROUGHOUT,
  },
} satisfies Readonly<Record<string, Case>>;

export const ALERTS: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  LastcallDrainNearBudget: {
    "9.5 of 10 s for requests, until it is forgotten": {
      pods: [goes("a", drained("clean", 9.5)), goes("b", CLEAN), STAYS],
      firing: afterADrain({ LastcallDrainNearBudget: fires("95%", { phase: "requests" }) }),
    },
    "9 of 10 s are not more than nine tenths": {
      pods: [goes("a", drained("clean", 9)), STAYS],
      firing: THROUGHOUT,
    },
    "a part that was given no time": {
      pods: [{ pod: "a", gone: 660, shows: { 0: NO_FINISH, 620: DRAINING, 650: CLEAN } }, STAYS],
      firing: THROUGHOUT,
    },
  },

  LastcallDrainCut: {
    "two of three drains": {
      pods: [goes("a", drained("cut")), goes("b", drained("cut")), goes("c", CLEAN), STAYS],
      firing: afterADrain({ LastcallDrainCut: fires("2") }),
    },
    "one whose requests took all of their time": {
      pods: [goes("a", drained("cut", 10)), STAYS],
      firing: { 690: { LastcallDrainCut: fires("1"), LastcallDrainNearBudget: fires("100%", { phase: "requests" }) } },
    },
  },

  LastcallDrainFailed: {
    "one drain": {
      pods: [goes("a", drained("failed")), STAYS],
      firing: afterADrain({ LastcallDrainFailed: fires("1") }),
    },
  },

  LastcallWindowTooShort: {
    "three came after it": {
      pods: [
        goes("a", {
          ...CLEAN,
          'lastcall_arrivals_total{phase="close"}': 3,
          'lastcall_connections_total{phase="close",result="refused"}': 3,
        }),
        STAYS,
      ],
      firing: afterADrain({ LastcallWindowTooShort: fires("3") }),
    },
    "all came within it": {
      pods: [goes("a", { ...CLEAN, 'lastcall_arrivals_total{phase="window"}': 50 }), STAYS],
      firing: THROUGHOUT,
    },
  },

  LastcallKilledWithoutReceipt: {
    "in the middle of its drain": {
      pods: [{ pod: "a", gone: 660, shows: { 620: DRAINING } }, goes("b", CLEAN), STAYS],
      firing: {
        660: {},
        690: {},
        720: { LastcallKilledWithoutReceipt: fires("1") },
        1500: { LastcallKilledWithoutReceipt: fires("1") },
        1560: {},
      },
    },
    "out of memory, and again at work in the same pod": {
      pods: [{ pod: "a", shows: { 620: UNREACHABLE, 640: restarted(640) } }, STAYS],
      firing: { 690: {}, 720: { LastcallKilledWithoutReceipt: fires("1") }, 1560: {} },
    },
    "a long drain is none": {
      pods: [{ pod: "a", gone: 1650, shows: { 620: DRAINING, 1640: CLEAN } }, STAYS],
      firing: quietAt(690, 1200, 1590),
    },
  },

  LastcallNoDrainFigures: {
    "a pod that was there and is not": {
      pods: [{ pod: "a", gone: 660 }, goes("b", CLEAN), STAYS],
      firing: {
        660: {},
        720: { LastcallNoDrainFigures: fires("1") },
        1230: { LastcallNoDrainFigures: fires("1") },
        1260: {},
      },
    },
    "a pod that was never ready had nothing to drain": {
      pods: [{ pod: "a", from: 600, gone: 660, shows: { 0: STARTING } }, STAYS],
      firing: quietAt(690, 750, 1200),
    },
    "a drain so short that only its end was seen": {
      pods: [{ pod: "a", gone: 660, shows: { 650: { ...DRAINING, ...drained("clean") } } }, STAYS],
      firing: THROUGHOUT,
    },
    "a drain that was seen to begin is another matter": {
      pods: [{ pod: "a", gone: 660, shows: { 620: DRAINING } }, STAYS],
      firing: { 750: { LastcallKilledWithoutReceipt: fires("1") } },
    },
    "a pod that does not answer is still there": {
      pods: [{ pod: "a", shows: { 620: UNREACHABLE } }, STAYS],
      firing: quietAt(690, 750, 1200),
    },
  },

  LastcallGapsTold: {
    "two by a pod that has been there": {
      pods: [
        {
          pod: "a",
          shows: {
            0: { 'lastcall_gaps_total{reason="trimmed"}': 5 },
            620: { 'lastcall_gaps_total{reason="trimmed"}': 7 },
          },
        },
      ],
      firing: {
        600: {},
        690: { LastcallGapsTold: fires("2", { reason: "trimmed" }) },
        1290: {},
      },
    },
    "four by a new pod before its first scrape": {
      pods: [STAYS, { pod: "a", from: 620, shows: { 0: NEW_WITH_FOUR } }],
      firing: {
        600: {},
        630: { LastcallGapsTold: fires("4", { reason: "replaced" }) },
        1200: { LastcallGapsTold: fires("4", { reason: "replaced" }) },
        1230: {},
      },
    },
    "four by a new pod that did not stay": {
      pods: [STAYS, { pod: "a", from: 620, gone: 640, shows: { 0: NEW_WITH_FOUR } }],
      firing: { 660: { LastcallGapsTold: fires("4", { reason: "replaced" }) } },
    },
    "five long ago, of a pod that could not be asked for a while": {
      pods: [{ pod: "a", shows: { 0: FIVE, 200: UNREACHABLE, 660: { ...restarted(LONG_AGO), ...FIVE } } }, STAYS],
      firing: quietAt(690, 810, 1200),
    },
    "five long ago, before the process was another": {
      pods: [{ pod: "a", shows: { 0: FIVE, 620: DRAINING, 650: CLEAN, 660: UNREACHABLE, 670: restarted(670) } }, STAYS],
      firing: quietAt(690, 810, 1200),
    },
    "five by a pod that has gone since": {
      pods: [
        STAYS,
        {
          pod: "a",
          gone: 660,
          shows: { 0: FIVE, 620: DRAINING, 650: CLEAN },
        },
      ],
      firing: quietAt(690, 1200),
    },
  },

  LastcallSlowSessions: {
    "15 of 100": {
      pods: [{ pod: "a", shows: { 620: { lastcall_stalled_clients: 15 } } }],
      firing: { 1200: {}, 1230: { LastcallSlowSessions: fires("15%") } },
    },
    "10 of 100": {
      pods: [{ pod: "a", shows: { 620: { lastcall_stalled_clients: 10 } } }],
      firing: quietAt(1230, 1500),
    },
    "one of two pods has them all": {
      pods: [STAYS, { pod: "a", shows: { 620: { lastcall_stalled_clients: 19 } } }],
      firing: quietAt(1230, 1500),
    },
    "nobody is connected": {
      pods: [
        {
          pod: "a",
          shows: { 0: { 'lastcall_sockets{protocol="lastcall.v1"}': 0, 'lastcall_sockets{protocol="text"}': 0 } },
        },
      ],
      firing: quietAt(1230),
    },
  },

  LastcallJournalUnavailable: {
    "for one pod of two": {
      pods: [STAYS, { pod: "a", shows: { 620: away(), 760: back() } }],
      firing: { 660: {}, 690: { LastcallJournalUnavailable: fires("1") }, 780: {} },
    },
    "for all": {
      pods: [
        { pod: "a", shows: { 620: away() } },
        { pod: "b", shows: { 620: away() } },
      ],
      firing: { 690: { LastcallJournalUnavailable: fires("2"), LastcallZeroReady: fires("0") } },
    },
    "for less than a minute": {
      pods: [STAYS, { pod: "a", shows: { 620: away(), 670: back() } }],
      firing: quietAt(660, 690, 750),
    },
  },

  LastcallZeroReady: {
    "pods that are not ready": {
      pods: [
        { pod: "a", shows: { 620: { 'lastcall_ready{reason="ready"}': 0, 'lastcall_ready{reason="starting"}': 1 } } },
      ],
      firing: { 660: {}, 690: { LastcallZeroReady: fires("0") } },
    },
    "no pods": {
      pods: [goes("a", CLEAN)],
      // The drain's last minute has none ready either; then there is no job whose name could be told.
      firing: { 660: {}, 690: {}, 720: { LastcallZeroReady: fires("0", { job: "" }) } },
    },
    "one of two is enough": {
      pods: [STAYS, { pod: "a", shows: { 620: { 'lastcall_ready{reason="ready"}': 0 } } }],
      firing: quietAt(690, 750, 1200),
    },
  },

  LastcallReconnectStorm: {
    "two a second for 100 clients": {
      pods: [storm(2)],
      firing: { 990: {}, 1290: { LastcallReconnectStorm: fires("6") } },
    },
    "one in two seconds": { pods: [storm(0.5)], firing: quietAt(990, 1290, 1500) },
    "two clients that are tried with": {
      pods: [
        {
          pod: "a",
          shows: {
            0: {
              'lastcall_sockets{protocol="lastcall.v1"}': 2,
              'lastcall_sockets{protocol="text"}': 0,
              'lastcall_connections_total{phase="serving",result="accepted"}': (second) => Math.floor(second / 2),
            },
          },
        },
      ],
      firing: quietAt(690, 1290),
    },
  },
};

function away(): Figures {
  return { 'lastcall_ready{reason="ready"}': 0, 'lastcall_ready{reason="dependencies_unavailable"}': 1 };
}

function back(): Figures {
  return { 'lastcall_ready{reason="ready"}': 1, 'lastcall_ready{reason="dependencies_unavailable"}': 0 };
}

/** Clients that come so often a second from the tenth minute on, to stay no longer than those before them. */
function storm(perSecond: number): Pod {
  const count = (second: number) => 100 + Math.max(0, second - 600) * perSecond;
  return { pod: "a", shows: { 0: { 'lastcall_connections_total{phase="serving",result="accepted"}': count } } };
}
