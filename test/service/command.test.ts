import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { VARIABLES } from "../../src/service/settings.js";
import { VERSION } from "../../src/service/version.js";

const cli = fileURLToPath(new URL("../../src/cli.js", import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line that ends by itself. */
async function lastcall(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { LASTCALL_TEST_ID = "" } = process.env;
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, LASTCALL_TEST_ID },
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, stdout, stderr };
}

describe("the command line", { concurrency: 2 }, () => {
  for (const flag of ["--version", "-v"]) {
    test(`${flag} prints the version and nothing else`, async () => {
      assert.deepEqual(await lastcall([flag]), { code: 0, stdout: `${VERSION}\n`, stderr: "" });
    });
  }

  for (const flag of ["--help", "-h"]) {
    test(`${flag} names the commands`, async () => {
      const { code, stdout, stderr } = await lastcall([flag]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /lastcall serve .*\n[\s\S]*lastcall client \[url\][\s\S]*lastcall rehearse /);
    });
  }

  test("serve --help lists every setting", async () => {
    const { code, stdout } = await lastcall(["serve", "--help"]);
    assert.equal(code, 0);
    for (const variable of VARIABLES) assert.match(stdout, new RegExp(`^ +${variable} `, "m"));
  });

  test("client --help says what it takes", async () => {
    const { code, stdout } = await lastcall(["client", "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: lastcall client \[--protocol text\|lastcall\.v1\] \[url\]/);
  });

  test("rehearse --help says what it takes", async () => {
    const { code, stdout } = await lastcall(["rehearse", "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: lastcall rehearse /);
  });

  test("rehearse: what is not understood ends with 2, all of it named, and points to its own help", async () => {
    assert.deepEqual(await lastcall(["rehearse", "--clients", "0", "--rate", "fast"]), {
      code: 2,
      stdout: "",
      stderr:
        'lastcall: --clients: expected an integer from 1 to 20000, got "0"\n' +
        '--rate: expected a number from 0 to 100000, got "fast"\nTry `lastcall rehearse --help`.\n',
    });
  });

  for (const args of [[], ["serv"], ["serve", "now"], ["client", "a", "b"], ["serve", "--port=80"], ["--nonsense"]]) {
    test(`what is not understood ends with 2 and points to the help: ${JSON.stringify(args)}`, async () => {
      const { code, stdout, stderr } = await lastcall(args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /^lastcall: .+\nTry `lastcall --help`\.\n$/);
    });
  }

  for (const [args, words] of [
    [["client", "--protocol", "mqtt"], "--protocol: expected text or lastcall.v1, got mqtt"],
    [["serve", "--protocol", "text"], "--protocol is the client's"],
    [["client", "--protocol", "lastcall.v1", "ws://127.0.0.1:1/ws?after=17"], "after: expected an item's id"],
    [["client", "--protocol", "lastcall.v1", "ws://127.0.0.1:1/ws?stream=a/b"], "stream: expected 1 to 64 letters"],
  ] as const) {
    test(`${args.join(" ")} ends with 2 and says why`, async () => {
      const { code, stdout, stderr } = await lastcall(args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.ok(stderr.startsWith(`lastcall: ${words}`), stderr);
    });
  }

  test("a URL that is none ends with 2", async () => {
    const { code, stderr } = await lastcall(["client", "ftp://host"]);
    assert.equal(code, 2);
    assert.match(stderr, /^lastcall: /);
    assert.doesNotMatch(stderr, /\n +at /);
  });

  test("faults of the environment are told all at once, and end with 1", async () => {
    const { code, stdout, stderr } = await lastcall(["serve"], { PORT: "99999", FEED_INTERVAL_SECONDS: "-1" });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^ {2}PORT: expected .+, got "99999"$/m);
    assert.match(stderr, /^ {2}FEED_INTERVAL_SECONDS: expected .+, got "-1"$/m);
    assert.doesNotMatch(stderr, /\n +at /);
  });

  test("a drain that does not fit its budget ends with 1 and the itemised sum", async () => {
    const { code, stderr } = await lastcall(["serve"], { GRACEFUL_SHUTDOWN_TIMEOUT: "10" });
    assert.equal(code, 1);
    assert.match(stderr, /the drain does not fit/);
    assert.match(stderr, /^ +stagger +5 s +DRAIN_STAGGER_SECONDS$/m);
    assert.match(stderr, /^ +budget +10 s +GRACEFUL_SHUTDOWN_TIMEOUT$/m);
  });
});
