import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { type Perform, run, type Surroundings } from "../../src/rehearsal/command.js";
import type { Sample } from "../../src/rehearsal/progress-port.js";
import { sampleFail, samplePass } from "./sample.js";

type Shutdown = Parameters<Surroundings["handle"]>[0];

/** The process as the command sees it; `shown` ends both streams and gives what was written to them. */
function surroundings(terminal: object = {}) {
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), terminal);
  const texts = Promise.all([text(stdout), text(stderr)]);
  const shutdowns: Shutdown[] = [];
  return {
    ...{ version: "1.2.3", stdout, stderr, shutdowns },
    handle: (shutdown: Shutdown) => void shutdowns.push(shutdown),
    async shown() {
      stdout.end();
      stderr.end();
      const [out, err] = await texts;
      return { out, err };
    },
  };
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "lastcall-test-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

const SAMPLE: Sample = {
  ...{ at: 1_000, step: "rolling", round: 1, clients: 50, connected: 49, connections: 60, refused: 1, received: 1_000 },
  ...{ lost: 3, repeated: 0, outOfOrder: 1 },
  ...{ published: 40, acked: 40, requests: 20, requestsFailed: 2 },
  replicas: [{ name: "pod-\u001b[2J1", state: "draining", connections: 25 }],
};

const passes: Perform = async (_options, _about, progress) => {
  progress.step("rolling", "round 1 of 1");
  for (const at of [1_000, 3_500, 6_500]) progress.sample({ ...SAMPLE, at, received: at, published: at / 25 });
  progress.line("pod-1 is gone");
  return samplePass();
};

test("a pass ends with 0: progress in lines to standard error, the result to standard output", async () => {
  const process = surroundings();
  assert.equal(await run(process, [], passes), 0);
  const { out, err } = await process.shown();
  assert.match(out, /✓ PASS/);
  assert.deepEqual(err.split("\n"), [
    "   0.0 s  rolling: round 1 of 1",
    "   6.5 s  49 of 50 clients connected; 40 items/s published, 1000 items/s received; " +
      "3 lost, 0 repeated, 1 out of order; 20 requests, 2 failed; 1 connection refused; pod-\\u001b[2J1 draining 25",
    "   6.5 s  pod-1 is gone",
    "",
  ]);
});

test("a failure ends with 1, and writes every report that was asked for", async (t) => {
  const path = await folder(t);
  const files = ["a.html", "a.md", "a.json"].map((name) => join(path, name));
  const process = surroundings();
  const args = files.flatMap((file) => ["--report", file]);
  assert.equal(await run(process, args, async () => sampleFail()), 1);
  const [html, markdown, json] = await Promise.all(files.map((file) => readFile(file, "utf8")));
  assert.match(html ?? "", /<h1>3 lost/);
  assert.match(markdown ?? "", /^# Rehearsal: fail/);
  assert.equal(JSON.parse(json ?? "").verdict.exitCode, 1);
  assert.ok((await process.shown()).out.endsWith(`\nReport: ${files.join(", ")}\n`));
});

test("a report that could not be written is refused before anything starts", async (t) => {
  const file = join(await folder(t), "missing", "a.md");
  const perform = () => assert.fail("it was started");
  await assert.rejects(run(surroundings(), ["--report", file], perform), {
    code: "invalid_request",
    message: `--report: expected a file in a folder that can be written, got "${file}"`,
  });
});

test("in a terminal the view is drawn anew in its place, is cut to the width, and is gone at the end", async () => {
  const process = surroundings({ isTTY: true, columns: 32 });
  await run(process, [], passes);
  const { err } = await process.shown();
  const [above, ...frames] = err.split("\u001b[0J");
  assert.match(above ?? "", /^ +0\.0 s {2}rolling: round 1 of 1\n/);
  assert.equal(frames.at(-1), "", "the last thing done is to erase");
  for (const line of err.split("\n")) assert.ok(stripVTControlCharacters(line).length <= 31, line);
  assert.match(err, /\n {2}pod-\\u001b\[2J1 {2}draining/);
});

test("a signal ends what runs, and its report is given: the exit code is the verdict's", async () => {
  const process = surroundings();
  const ended = run(process, [], async (_options, _about, _progress, signal) => {
    await once(signal, "abort");
    const report = samplePass();
    return { ...report, verdict: { ...report.verdict, type: "inconclusive", exitCode: 3, text: "it was interrupted" } };
  });
  while (process.shutdowns.length === 0) await new Promise(setImmediate);
  assert.equal(await process.shutdowns[0]?.begin({ type: "signal" }), 3);
  assert.equal(await ended, 3);
  assert.match((await process.shown()).out, /\? INCONCLUSIVE {2}it was interrupted/);
});

test("an error that nobody caught is never a pass", async () => {
  const process = surroundings();
  const ended = run(process, [], async (_options, _about, _progress, signal) => {
    await once(signal, "abort");
    return samplePass();
  });
  while (process.shutdowns.length === 0) await new Promise(setImmediate);
  assert.equal(await process.shutdowns[0]?.begin({ type: "error", error: new Error("on purpose") }), 1);
  await ended;
  assert.match((await process.shown()).err, /on purpose/);
});
