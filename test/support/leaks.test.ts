import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";

const leaks = new URL("./leaks.js", import.meta.url).href;
const endless = "setInterval(() => {}, 1_000)";

/** Runs `body` as a test file of its own under the leak check; the second element is what node:test printed. */
async function run(t: TestContext, body: string): Promise<readonly [code: unknown, output: string]> {
  const directory = await mkdtemp(join(tmpdir(), "leaks-"));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "fixture.mjs");
  await writeFile(file, `import { after, test } from "node:test";\n${body}`);
  // Inside a test file node:test refuses to run another one, unless it does not know.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const runner = spawn(process.execPath, ["--test", "--test-reporter=tap", `--import=${leaks}`, file], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [code]] = await Promise.all([text(runner.stdout), once(runner, "exit")]);
  return [code, output];
}

/** Returns when the process has ended; what is killed is not gone at once, and nobody tells but its parent. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await setTimeout(5);
}

/** One that ended and waits for its parent to notice is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

// Together: each takes the two seconds that the check gives what was told to end.
describe("leak check", { concurrency: true }, () => {
  test("a file that leaves nothing passes, whether a test or a hook of the file cleans up", async (t) => {
    const [code, output] = await run(
      t,
      `import { spawn } from "node:child_process";
     import { once } from "node:events";
     import { connect, createServer } from "node:net";
     const server = createServer((socket) => socket.pipe(socket)).listen(0);
     after(() => new Promise((resolve) => server.close(resolve)));
     test("in the test", async () => {
       const child = spawn(process.execPath, ["-e", "${endless}"]);
       child.kill();
       await once(child, "exit");
     });
     test("in the hook", async () => {
       const socket = connect(server.address().port);
       await once(socket, "connect");
       after(() => socket.destroy());
     });`,
    );
    assert.equal(code, 0, output);
    assert.match(output, /^# pass 2$/m);
  });

  test("a listening server fails the file and is named", async (t) => {
    const [code, output] = await run(
      t,
      `import { createServer } from "node:http";
     test("fine in itself", (_, done) => void createServer().listen(0, "127.0.0.1", done));`,
    );
    assert.equal(code, 1);
    assert.match(output, /^ok 1 - fine in itself$/m);
    assert.match(output, /fixture\.mjs left behind:\n\s*server \{"address":"127\.0\.0\.1"/);
  });

  test("an open socket fails the file and is named", async (t) => {
    const [code, output] = await run(
      t,
      `import { connect, createServer } from "node:net";
     test("fine in itself", (_, done) => {
       const server = createServer(() => server.close()).listen(0, "127.0.0.1", () => {
         connect(server.address().port, "127.0.0.1", done);
       });
     });`,
    );
    assert.equal(code, 1);
    assert.match(output, /left behind:\n\s*socket 127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+\n/);
  });

  test("a child process fails the file, is named and ended", async (t) => {
    const [code, output] = await run(
      t,
      `import { spawn } from "node:child_process";
     test("fine in itself", () => void spawn(process.execPath, ["-e", "${endless}"], { stdio: "ignore" }));`,
    );
    assert.equal(code, 1);
    const [, pid] = /child process (\d+): .* -e setInterval/.exec(output) ?? assert.fail(output);
    await gone(Number(pid));
  });

  test("a timer that keeps the process fails the file", async (t) => {
    const [code, output] = await run(t, `test("fine in itself", () => void ${endless});`);
    assert.equal(code, 1);
    assert.match(output, /fixture\.mjs does not end: .*Timeout/);
  });

  test("a grandchild whose parent is gone fails the file, is named and ended", {
    skip: process.platform !== "linux",
  }, async (t) => {
    const grandchild = `require("node:child_process").spawn(process.execPath, ["-e", "${endless}"], { detached: true, stdio: "ignore" }).unref()`;
    const [code, output] = await run(
      t,
      `import { spawn } from "node:child_process";
     import { once } from "node:events";
     test("fine in itself", async () => {
       await once(spawn(process.execPath, ["-e", ${JSON.stringify(grandchild)}], { stdio: "ignore" }), "exit");
     });`,
    );
    assert.equal(code, 1);
    const [, pid] = /left behind:\n\s*process (\d+): .* -e setInterval/.exec(output) ?? assert.fail(output);
    await gone(Number(pid));
  });
});
