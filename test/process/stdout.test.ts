import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { constants, existsSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../support/raw-socket.js";
import { BIN, Program, Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { Watch } from "../support/watch.js";

const possible = spawnSync("mkfifo", ["--version"]).status === 0;
const needsFifo = possible ? false : "NOT TESTED: needs mkfifo(1)";
const terminal = spawnSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" }).status === 0;
const needsScript =
  terminal && existsSync("/proc/self/cmdline") ? false : "NOT TESTED: needs script(1) and /proc for a terminal";

/** Runs what it is given with stdout there, as a shell's `|` and `>` do: the program finds a plain, blocking file. */
function into(file: string): readonly string[] {
  return ["sh", "-c", `exec "$@" >'${file}'`, "sh"];
}

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "stdout-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : assert.fail("no port");
}

/** A pipe whose reader is this test (a kernel's pipe: what Node makes for a child is a pair of sockets). */
async function pipe(t: TestContext) {
  const path = join(await directory(t), "pipe");
  execFileSync("mkfifo", [path]);
  // For both ends, so that opening waits for nobody.
  const reader = new Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK), writable: false });
  t.after(() => reader.destroy());
  const watch = new Watch();
  let read = "";
  reader.setEncoding("utf8").on("data", (text: string) => {
    read += text;
    watch.changed();
  });
  return {
    path,
    /** The first match in what was read. */
    match: (pattern: RegExp) => watch.until(() => pattern.exec(read) ?? undefined),
    /** From now on nothing is read any more. */
    stall: () => reader.pause(),
  };
}

/** A service whose log nobody reads any more, with far more of it than a pipe holds (64 KB, pipe(7)). */
async function stalled(t: TestContext, manners: "echo" | "mute") {
  const out = await pipe(t);
  const env = { TEXT_PUBLISH: "true", CLOSE_TIMEOUT_SECONDS: "20" };
  const service = Service.launch(t, env, { around: into(out.path) });
  const [, url = ""] = await out.match(/"url":"(http:[^"]+)"/);
  await out.match(/"msg":"Dependency checked"/);
  const client = await TextClient.open(t, new URL(url), manners);
  out.stall();
  for (let n = 0; n < 2_000; n += 1) client.send(`${n} `.padEnd(200, "."));
  client.send("the last of them");
  // Published, so all of them were received, and logged as far as the service is concerned.
  await client.text("the last of them");
  return { service, client };
}

/** Each on its own: one that hangs must not take the others with it, ms. */
const timeout = 20_000;

describe("a log that nobody takes holds nothing up", () => {
  test("the reader of the pipe stalls: a drain goes its way, and the process ends", {
    timeout,
    skip: needsFifo,
  }, async (t) => {
    const { service, client } = await stalled(t, "echo");
    service.signal("SIGTERM");
    await client.closed;
    assert.equal(client.closeCode, 1012);
    assert.equal(client.farewell.at(-1), "CLOSE");
    assert.deepEqual(await service.exit, { code: 0, signal: null });
  });

  test("the reader of the pipe stalls: a second signal ends it with 1", { timeout, skip: needsFifo }, async (t) => {
    const { service, client } = await stalled(t, "mute");
    service.signal("SIGTERM");
    await client.text("CLOSE");
    // For a second, signals are taken for the same one.
    await sleep(1_200);
    service.signal("SIGTERM");
    assert.deepEqual(await service.exit, { code: 1, signal: null });
  });

  const full = existsSync("/dev/full") ? false : "NOT TESTED: needs /dev/full and /dev/null";
  for (const [what, file] of [
    ["the disk is full", "/dev/full"],
    ["stdout is thrown away", "/dev/null"],
  ] as const) {
    test(`${what}: it serves and drains all the same, and nothing is on stderr`, { timeout, skip: full }, async (t) => {
      const port = await freePort();
      const service = Service.launch(t, { PORT: String(port) }, { around: into(file) });
      const url = new URL(`http://127.0.0.1:${port}`);
      for (;;) {
        const ready = await ask(t, url, "GET", "/ready").catch(() => undefined);
        if (ready?.status === 200) break;
        assert.ok(service.running, service.stderr);
        await sleep(20);
      }
      const client = await TextClient.open(t, url);
      assert.equal((await ask(t, url, "POST", "/items", { body: '"an item"' })).status, 201);
      await client.text("an item");
      service.signal("SIGTERM");
      await client.closed;
      assert.equal(client.closeCode, 1012);
      assert.deepEqual(await service.exit, { code: 0, signal: null });
      assert.equal(service.stderr, "");
    });
  }

  test("its terminal closes: SIGHUP, a clean drain, and the end", { timeout, skip: needsScript }, async (t) => {
    const message = join(await directory(t), "message");
    await writeFile(message, "");
    const terminal = new Program(
      t,
      ["script", "-qec", `exec "${process.execPath}" "${BIN}" serve`, "/dev/null"],
      {
        HOST: "127.0.0.1",
        PORT: "0",
        ENDPOINT_REMOVAL_MAX_SECONDS: "0",
        DRAIN_STAGGER_SECONDS: "0",
        FEED_INTERVAL_SECONDS: "0.1",
        JOURNAL_URL: "memory:",
        TERMINATION_MESSAGE_PATH: message,
        TERM: "xterm",
        SHELL: "/bin/sh",
      },
      { stdin: true },
    );
    const line = await terminal.text("Server started");
    await terminal.text("Dependency checked");
    const { url, pid } = JSON.parse(line);
    t.after(() => isRunning(pid) && process.kill(pid, "SIGKILL"));
    const client = await TextClient.open(t, new URL(url.replace("localhost", "127.0.0.1")));
    await client.text("Business data");
    terminal.signal("SIGKILL");
    await client.closed;
    assert.equal(client.closeCode, 1012);
    assert.equal(client.farewell.at(-1), "CLOSE");
    while (isRunning(pid)) await sleep(20);
    const receipt = JSON.parse(await readFile(message, "utf8"));
    const { reason, outcome, exitCode } = receipt;
    assert.deepEqual({ reason, outcome, exitCode }, { reason: "SIGHUP", outcome: "clean", exitCode: 0 });
  });
});

test("`lastcall client | head -n 1` ends with 0 and without a word", { timeout }, async (t) => {
  const service = await Service.start(t);
  const pipeline = new Program(
    t,
    ["sh", "-c", `{ "$@"; echo "exit code $?" >&2; } | head -n 1`, "sh", process.execPath, BIN, "client"],
    { SERVER_URL: service.url.href },
  );
  assert.deepEqual(await pipeline.exit, { code: 0, signal: null });
  assert.equal(pipeline.lines.length, 1);
  assert.match(pipeline.lines[0] ?? "", /Connecting to ws:/);
  assert.equal(pipeline.stderr, "exit code 0\n");
  await service.logged("Client disconnected", ({ fate }) => fate === "gone");
});

/** What has ended but was not fetched by its parent has no command line. */
function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}
