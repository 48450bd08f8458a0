import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { folder } from "../support/fleet.js";
import { BIN, Program } from "../support/service.js";

const possible = spawnSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" }).status === 0;
const skip = possible ? false : "NOT TESTED: needs script(1) of util-linux for a terminal";

/** Each replica writes down which process it is, and has a child that would not end by itself. */
const REPLICA = `sleep 600 & echo $! > "$PIDS/$POD_NAME-child"; echo $$ > "$PIDS/$POD_NAME"; exec node "${BIN}" serve`;

async function rehearsal(t: TestContext, command: (rehearse: string) => readonly [string, ...string[]]) {
  const [pids, temporary, reports] = [await folder(t), await folder(t), await folder(t)];
  const report = join(reports, "report.json");
  const options = `--clients 6 --replicas 2 --steady 0.5s --lag 0.2s --prestop 20s --report ${report}`;
  const rehearse = `exec "${process.execPath}" "${BIN}" rehearse ${options} -- sh -c "$REPLICA" 2>&1`;
  const env = { PIDS: pids, TMPDIR: temporary, REPLICA, TERM: "xterm", SHELL: "/bin/sh" };
  const program = new Program(t, command(rehearse), env, { stdin: true });
  // The last is deleted when all are started: nobody is between being born and leaving the terminal's process group.
  await program.text("pod-2 is deleted");
  const files = await readdir(pids);
  assert.equal(files.length, 8, files.join());
  const numbers = await Promise.all(files.map(async (file) => (await readFile(join(pids, file), "utf8")).trim()));
  return { program, numbers, report, temporary };
}

/** What nobody has waited for yet has no command line any more. */
const runs = async (pid: string) => (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")) !== "";

async function allGone(pids: readonly string[]): Promise<void> {
  for (const pid of pids) while (await runs(pid)) await sleep(20);
}

test("Ctrl-C in a terminal reaches the rehearsal alone, which ends its replicas and judges nothing", {
  timeout: 60_000,
  skip,
}, async (t) => {
  const { program, numbers, report, temporary } = await rehearsal(t, (rehearse) => [
    "script",
    "-qec",
    rehearse,
    "/dev/null",
  ]);
  program.child.stdin?.write("\x03");
  assert.equal((await program.exit).code, 3);
  for (const pid of numbers) assert.ok(!(await runs(pid)), pid);
  assert.deepEqual(await readdir(temporary), []);
  const { verdict, findings } = JSON.parse(await readFile(report, "utf8"));
  assert.deepEqual(verdict.reasons, ["it was interrupted"]);
  assert.deepEqual(findings.evidence, []);
  for (const { exit } of findings.replicas) assert.equal(exit, "stopped");
});

test("replicas do not outlive a rehearsal that is killed", { timeout: 60_000 }, async (t) => {
  const { program, numbers } = await rehearsal(t, (rehearse) => ["sh", "-c", rehearse]);
  program.child.kill("SIGKILL");
  await program.exit;
  await allGone(numbers);
});
