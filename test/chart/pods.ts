/** Between two scrapes, s. */
export const SCRAPE_SECONDS = 10;

/** A figure, or what it is at a second of the test. */
export type Figure = number | ((second: number) => number);
/** Series, without the labels that Prometheus adds, and what they show. */
export type Figures = Readonly<Record<string, Figure>>;

/** A pod as Prometheus sees it, in seconds of the test. */
export interface Pod {
  readonly pod: string;
  /** First scrape; default 0. */
  readonly from?: number;
  /** Prometheus discovers it no longer; default: it stays. */
  readonly gone?: number;
  /** What it shows from a second on, where that differs from before. */
  readonly shows?: Readonly<Record<number, Figures>>;
}

/** When the pods that are there from the beginning were started: a day before it. */
export const LONG_AGO = -86_400;

/** What a pod shows that serves 100 clients. */
const SERVING: Figures = {
  up: 1,
  process_start_time_seconds: LONG_AGO,
  'lastcall_ready{reason="ready"}': 1,
  'lastcall_ready{reason="starting"}': 0,
  'lastcall_ready{reason="shutting_down"}': 0,
  'lastcall_ready{reason="dependencies_unavailable"}': 0,
  graceful_shutdown_in_progress: 0,
  'graceful_shutdown_total{outcome="clean"}': 0,
  'graceful_shutdown_total{outcome="cut"}': 0,
  'graceful_shutdown_total{outcome="failed"}': 0,
  'graceful_shutdown_phase_duration_seconds_sum{phase="window"}': 0,
  'graceful_shutdown_phase_duration_seconds_sum{phase="finish"}': 0,
  'graceful_shutdown_phase_duration_seconds_sum{phase="close"}': 0,
  'graceful_shutdown_phase_duration_seconds_sum{phase="requests"}': 0,
  'graceful_shutdown_budget_seconds{part="window"}': 10,
  'graceful_shutdown_budget_seconds{part="finish"}': 5,
  'graceful_shutdown_budget_seconds{part="stagger"}': 5,
  'graceful_shutdown_budget_seconds{part="close"}': 5,
  'graceful_shutdown_budget_seconds{part="requests"}': 10,
  'lastcall_arrivals_total{phase="serving"}': 100,
  'lastcall_arrivals_total{phase="window"}': 0,
  'lastcall_arrivals_total{phase="close"}': 0,
  'lastcall_connections_total{phase="serving",result="accepted"}': 100,
  'lastcall_connections_total{phase="window",result="accepted"}': 0,
  'lastcall_connections_total{phase="close",result="refused"}': 0,
  'lastcall_sockets{protocol="lastcall.v1"}': 60,
  'lastcall_sockets{protocol="text"}': 40,
  lastcall_stalled_clients: 0,
  'lastcall_gaps_total{reason="trimmed"}': 0,
  'lastcall_gaps_total{reason="replaced"}': 0,
};

export const DRAINING: Figures = {
  graceful_shutdown_in_progress: 1,
  'lastcall_ready{reason="ready"}': 0,
  'lastcall_ready{reason="shutting_down"}': 1,
  // It came while the endpoint was still being removed, which is what the window is for.
  'lastcall_arrivals_total{phase="window"}': 1,
  'lastcall_connections_total{phase="window",result="accepted"}': 1,
};

/** The final figures: what the linger waits for a scrape of. `requests`: the seconds that they took of their 10. */
export function drained(outcome: "clean" | "cut" | "failed", requests = 1): Figures {
  return {
    graceful_shutdown_in_progress: 0,
    [`graceful_shutdown_total{outcome="${outcome}"}`]: 1,
    // Somebody came late, and somebody did not answer the close: those two took all they may, which is no harm.
    'graceful_shutdown_phase_duration_seconds_sum{phase="window"}': 10,
    'graceful_shutdown_phase_duration_seconds_sum{phase="finish"}': 0.01,
    'graceful_shutdown_phase_duration_seconds_sum{phase="close"}': 10,
    'graceful_shutdown_phase_duration_seconds_sum{phase="requests"}': requests,
    'lastcall_sockets{protocol="lastcall.v1"}': 0,
    'lastcall_sockets{protocol="text"}': 0,
  };
}

/** A new process in the same pod: it knows nothing of the one before. */
export function restarted(startTime: number): Figures {
  return { ...SERVING, process_start_time_seconds: startTime };
}

/** Scrapes that fail: Prometheus marks the series as ended, and `up` as 0. */
export const UNREACHABLE: Figures = Object.fromEntries(
  Object.keys(SERVING).map((series) => [series, series === "up" ? 0 : Number.NaN]),
);

/** The pods' series in promtool's notation, for so many seconds. */
export function seriesOf(pods: readonly Pod[], seconds: number): { series: string; values: string }[] {
  return pods.flatMap((pod) =>
    Object.keys(SERVING).map((series) => ({
      series: labelled(series, pod.pod),
      values: valuesOf(pod, series, seconds),
    })),
  );
}

function labelled(series: string, pod: string): string {
  const [name, own = "}"] = series.split("{");
  const labels = `namespace="ns",job="ns/rel-lastcall",pod="${pod}",instance="${pod}:8080"`;
  return `${name}{${labels}${own === "}" ? "" : ","}${own}`;
}

function valuesOf(
  { from = 0, gone = Number.POSITIVE_INFINITY, shows = {} }: Pod,
  series: string,
  seconds: number,
): string {
  const changes = Object.entries(shows).map(([second, figures]) => ({ second: Number(second), figures }));
  let ended = true;
  const values = Array.from({ length: seconds / SCRAPE_SECONDS + 1 }, (_, i) => {
    const second = i * SCRAPE_SECONDS;
    const shown = changes.findLast((change) => change.second <= second && series in change.figures)?.figures[series];
    const figure = shown ?? SERVING[series] ?? 0;
    const value = typeof figure === "function" ? figure(second) : figure;
    const there = second >= from && second < gone && !Number.isNaN(value);
    const marked = !there && !ended;
    ended = !there;
    return there ? String(value) : marked ? "stale" : "_";
  });
  return values.join(" ");
}
