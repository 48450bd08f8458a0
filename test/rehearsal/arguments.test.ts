import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LastcallError } from "../../src/base/errors.js";
import { understand } from "../../src/rehearsal/arguments.js";
import { GROUPS } from "../../src/rehearsal/flags.js";
import { rehearseHelp } from "../../src/rehearsal/help.js";
import { DEFAULTS, LOCAL_DEFAULTS } from "../../src/rehearsal/options.js";

function rehearsal(...args: readonly string[]) {
  const understood = understand(args);
  assert.ok(understood.type === "rehearsal");
  return understood;
}

function faults(...args: readonly string[]): readonly string[] {
  try {
    understand(args);
  } catch (error) {
    assert.ok(error instanceof LastcallError && error.code === "invalid_request", String(error));
    return error.message.split("\n");
  }
  return [];
}

describe("the options of a rehearsal", () => {
  test("have the defaults that the rehearsal has", () => {
    const { options, reports } = rehearsal();
    assert.deepEqual(options, DEFAULTS);
    assert.deepEqual(reports, []);
  });

  test("on this machine", () => {
    const { options } = rehearsal(
      ...["--replicas", "5", "--surge=2", "--lag", "500ms", "--prestop", "1.5", "--window", "2s", "--window-max", "1m"],
      ...["--stagger", "0", "--grace", "2m", "--journal", "redis://localhost", "--env", "A=1=2", "--env", "B="],
      ...["--ready-path", "/healthz", "--", "node", "server.mjs", "--clients", "x"],
    );
    assert.deepEqual(options.stage, {
      type: "local",
      replicas: 5,
      maxSurge: 2,
      preStopMs: 1_500,
      windowMs: 2_000,
      windowMaxMs: 60_000,
      staggerMs: 0,
      graceMs: 120_000,
      lagMs: 500,
      journal: "redis://localhost",
      program: ["node", "server.mjs", "--clients", "x"],
      readyPath: "/healthz",
      env: { A: "1=2", B: "" },
    });
  });

  test("against something that runs", () => {
    const { options, shown } = rehearsal("--url", "wss://me:secret@example.com/ws", "--rollout", "a && b");
    assert.deepEqual(options.stage, { type: "remote", url: "wss://me:secret@example.com/ws", rollout: "a && b" });
    assert.equal(shown["--url"], "wss://***@example.com/ws");
    assert.equal(shown["--replicas"], undefined);
  });

  test("the load, its course and its reports", () => {
    const { options, reports } = rehearsal(
      ...["--clients", "7", "--protocol", "text,text", "--protocol", "sse", "--rate", "0.5", "--publishers", "2"],
      ...["--pad", "10", "--items-path", "/i", "--requests", "0", "--request-path", "/r?x=1", "--rounds", "9"],
      ...[
        "--steady",
        "1",
        "--settle",
        "2m",
        "--chaos",
        "kill,half-open",
        "--judge",
        "items",
        "--seed",
        "0",
        "--report",
        "a.md",
        "--report=b.json",
      ],
    );
    assert.deepEqual(options, {
      stage: LOCAL_DEFAULTS,
      clients: 7,
      protocols: ["text", "text", "sse"],
      adapter: undefined,
      rate: 0.5,
      publishers: 2,
      padBytes: 10,
      itemsPath: "/i",
      requests: 0,
      requestPath: "/r?x=1",
      rounds: 9,
      steadyMs: 1_000,
      settleMs: 120_000,
      chaos: ["kill", "half-open"],
      judge: "items",
      seed: 0,
    });
    assert.deepEqual(reports, ["a.md", "b.json"]);
  });

  test("an adapter is what all clients speak, unless something else is said", () => {
    assert.deepEqual(rehearsal("--adapter", "a.mjs").options.protocols, ["adapter"]);
    assert.deepEqual(rehearsal("--adapter", "a.mjs", "--protocol", "adapter,text").options.protocols, [
      "adapter",
      "text",
    ]);
  });

  test("a longer window moves what it may be at most along, which was not chosen", () => {
    const { stage } = rehearsal("--window", "20").options;
    assert.ok(stage.type === "local");
    assert.deepEqual([stage.windowMs, stage.windowMaxMs], [20_000, 20_000]);
  });

  test("what is set on every replica is not shown: it may be a secret", () => {
    assert.equal(rehearsal("--env", "TOKEN=hunter2").shown["--env"], "TOKEN=…");
  });
});

describe("a command line that is not understood", () => {
  for (const [args, fault] of [
    [["--clients", "0"], '--clients: expected an integer from 1 to 20000, got "0"'],
    [["--clients", "1e3"], '--clients: expected an integer from 1 to 20000, got "1e3"'],
    [["--clients", "3", "--clients", "4"], '--clients: expected an integer from 1 to 20000, once, got "3,4"'],
    [["--rate=-1"], '--rate: expected a number from 0 to 100000, got "-1"'],
    [["--grace", "2h"], '--grace: expected a time up to 3600 s, such as 5, 1.5s, 500ms or 2m, got "2h"'],
    [["--settle", "61m"], '--settle: expected a time up to 3600 s, such as 5, 1.5s, 500ms or 2m, got "61m"'],
    [
      ["--chaos", "kill,rain"],
      '--chaos: expected kill, pause, slow-client, half-open, or several with commas, got "kill,rain"',
    ],
    [["--journal", "memory:"], '--journal: expected lmdb:<folder>, redis://… or rediss://…, got "memory:"'],
    [["--env", "TOKEN"], '--env: expected NAME=value, got "TOKEN"'],
    [["--report", "a.pdf"], '--report: expected a file name that ends in .html, .svg, .md or .json, got "a.pdf"'],
    [["--items-path", "items"], '--items-path: expected a path that starts with one /, got "items"'],
    [["--items-path", "//other/items"], '--items-path: expected a path that starts with one /, got "//other/items"'],
    [["--url", "ftp://a:b@c"], '--url: expected a ws://, wss://, http:// or https:// URL, got "ftp://***@c"'],
    [["--rollout", "a"], '--rollout: expected to come with --url, got "a"'],
    [["--url", "ws://a", "--grace", "9"], '--grace: expected to be left out with --url, got "9"'],
    [["--protocol", "adapter"], '--protocol: expected to come with --adapter where it names adapter, got "adapter"'],
    [["--protocol", "text", "--adapter", "a.mjs"], '--adapter: expected to come with --protocol adapter, got "a.mjs"'],
    [["--window", "9", "--window-max", "8"], '--window-max: expected at least --window (9s), got "8"'],
    [["--prestop", "61"], "--grace: expected more than --prestop (61s), got its default (60s)"],
    [["--seed", "\u001b[2J"], '--seed: expected an integer from 0 to 2147483647, got "\\u001b[2J"'],
    [["--speed", "1"], "Unknown option '--speed'"],
  ] as const) {
    test(JSON.stringify(args), () => {
      assert.deepEqual(faults(...args), [fault]);
    });
  }

  test("all faults are told at once", () => {
    assert.equal(faults("--clients", "0", "--rate", "fast", "--report", "x").length, 3);
  });

  test("what is no option is none of ours", () => {
    assert.match(faults("now")[0] ?? "", /Unexpected argument 'now'/);
  });
});

describe("the help", () => {
  const help = rehearseHelp();

  test("is given whatever else is there", () => {
    assert.deepEqual(understand(["--clients", "0", "--help"]), { type: "help" });
    assert.deepEqual(understand(["-h"]), { type: "help" });
  });

  test("names every option with its default, and every exit code", () => {
    for (const { name, shown } of GROUPS.flatMap(({ flags }) => flags)) {
      const [, entry = ""] = help.split(`\n  --${name} `);
      assert.ok(shown === "none" || entry.split("\n  --")[0]?.includes(`(${shown})`), name);
    }
    for (const code of [0, 1, 2, 3]) assert.match(help, new RegExp(`^ {2}${code} {2}\\w`, "m"));
  });

  test("fits a terminal", () => {
    for (const line of help.split("\n")) assert.ok(line.length <= 118, line);
  });
});
