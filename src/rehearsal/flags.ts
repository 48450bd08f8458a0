import { amount, type Flag, integer, NONE, path, text, texts, time, word, words } from "./flag.js";
import { CHAOS, DEFAULTS, JUDGE, LOCAL_DEFAULTS as LOCAL } from "./options.js";
import type { Protocol } from "./record.js";

const HOUR_MS = 3_600_000;
const PROTOCOLS: readonly Protocol[] = ["lastcall.v1", "sse", "text", "adapter"];

function url(given: string): boolean {
  return URL.canParse(given) && ["ws:", "wss:", "http:", "https:"].includes(new URL(given).protocol);
}

const some = (given: string) => given.trim() !== "";

/** Replicas of this program (or another) on this machine, rolled as Kubernetes does. */
export const STAGE = {
  replicas: integer({ name: "replicas", text: "Replicas that serve" }, LOCAL.replicas, 1, 50),
  surge: integer({ name: "surge", text: "Replicas started beyond these at a time" }, LOCAL.maxSurge, 1, 50),
  lag: time({ name: "lag", text: "From a deletion until no newcomer is sent there any more" }, LOCAL.lagMs, HOUR_MS),
  preStop: time({ name: "prestop", text: "From a deletion to SIGTERM: P" }, LOCAL.preStopMs, HOUR_MS),
  window: time(
    { name: "window", text: "After a deletion all is served as before, at least: W" },
    LOCAL.windowMs,
    HOUR_MS,
  ),
  windowMax: time(
    { name: "window-max", text: "The same at most, while newcomers arrive: Wmax" },
    LOCAL.windowMaxMs,
    HOUR_MS,
  ),
  stagger: time({ name: "stagger", text: "Over which clients are spread as they leave: S" }, LOCAL.staggerMs, HOUR_MS),
  grace: time({ name: "grace", text: "From a deletion to SIGKILL; preStop counts in it" }, LOCAL.graceMs, HOUR_MS),
  journal: text(
    {
      name: "journal",
      value: "<url>",
      form: "lmdb:<folder>, redis://… or rediss://…",
      text: "The journal of all replicas",
    },
    (given) => /^(lmdb:.|rediss?(\+\w+)?:\/\/.)/.test(given),
    "LMDB in a folder that is removed at the end",
  ),
  env: texts(
    { name: "env", value: "<NAME=value>", form: "NAME=value", text: "A setting of every replica; may be given often" },
    (given) => /^[A-Za-z_]\w*=/.test(given),
  ),
  readyPath: path({ name: "ready-path", text: "What says 200 when a replica is ready" }, LOCAL.readyPath),
};

/** Something that runs already. */
export const REMOTE = {
  url: text(
    { name: "url", value: "<url>", form: "a ws://, wss://, http:// or https:// URL", text: "The service" },
    url,
  ),
  rollout: text(
    { name: "rollout", value: "<command>", form: "a shell command", text: "What rolls it, once a round; none: you do" },
    some,
  ),
};

export const LOAD = {
  clients: integer({ name: "clients", text: "Clients that read all the while" }, DEFAULTS.clients, 1, 20_000),
  protocols: words(
    { name: "protocol", text: "What they speak, in turn; named twice is twice as many" },
    PROTOCOLS,
    DEFAULTS.protocols,
    DEFAULTS.protocols.join(","),
  ),
  adapter: text(
    { name: "adapter", value: "<file.mjs>", form: "a file", text: "Speaks a foreign service's protocol" },
    some,
  ),
  rate: amount({ name: "rate", text: "Items published per second" }, DEFAULTS.rate, 100_000),
  publishers: integer(
    { name: "publishers", text: "Who publish them, each one item at a time" },
    DEFAULTS.publishers,
    1,
    64,
  ),
  pad: integer({ name: "pad", text: "Bytes added to each item" }, DEFAULTS.padBytes, 0, 1_048_576),
  itemsPath: path({ name: "items-path", text: "Where items are published and read" }, DEFAULTS.itemsPath),
  requests: amount(
    { name: "requests", text: "HTTP requests per second, every other on its own connection" },
    DEFAULTS.requests,
    10_000,
  ),
  requestPath: path({ name: "request-path", text: "What they ask for" }, DEFAULTS.requestPath),
};

export const COURSE = {
  rounds: integer({ name: "rounds", text: "How often all is rolled" }, DEFAULTS.rounds, 1, 1_000),
  steady: time({ name: "steady", text: "Load without any trouble before each round" }, DEFAULTS.steadyMs, HOUR_MS),
  settle: time(
    { name: "settle", text: "At most until every connection is replaced, at the end" },
    DEFAULTS.settleMs,
    HOUR_MS,
  ),
  chaos: words({ name: "chaos", text: "What is done on purpose in each round" }, CHAOS, DEFAULTS.chaos, NONE),
  judge: word(
    {
      name: "judge",
      text: "What the verdict goes by; items: for a rollout that kills, failed requests are reported only",
    },
    JUDGE,
    DEFAULTS.judge,
  ),
  seed: integer({ name: "seed", text: "The same seed makes the same choices" }, DEFAULTS.seed, 0, 2_147_483_647),
};

export const OUTPUT = {
  reports: texts(
    {
      name: "report",
      value: "<file>",
      form: "a file name that ends in .html, .svg, .md or .json",
      text: "Writes a report; may be given often",
    },
    (given) => /[^/]\.(html|svg|md|json)$/.test(given),
  ),
};

/** As the help shows them. */
export const GROUPS: readonly { readonly title: string; readonly flags: readonly Flag<unknown>[] }[] = [
  { title: "Load", flags: Object.values(LOAD) },
  { title: "Course", flags: Object.values(COURSE) },
  { title: "On this machine (when there is no --url)", flags: Object.values(STAGE) },
  { title: "Against something that runs", flags: Object.values(REMOTE) },
  { title: "Report", flags: Object.values(OUTPUT) },
];
