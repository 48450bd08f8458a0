import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { VARIABLES } from "../../src/service/settings.js";
import { BIN, Program, ROOT, Service } from "../support/service.js";

/** Runs one command line to its end. */
async function run(t: Parameters<typeof Service.launch>[0], args: readonly string[], env = {}) {
  const program = new Program(t, [process.execPath, BIN, ...args], {
    HOST: "127.0.0.1",
    PORT: "0",
    JOURNAL_URL: "memory:",
    ...env,
  });
  const { code } = await program.exit;
  return { code, stdout: program.lines.join("\n"), stderr: program.stderr };
}

describe("the command line", { timeout: 60_000 }, () => {
  test("--version is the package's", async (t) => {
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    for (const flag of ["--version", "-v"]) {
      assert.deepEqual(await run(t, [flag]), { code: 0, stdout: version, stderr: "" });
    }
  });

  test("--help says what there is, serve --help every setting, client --help its URL", async (t) => {
    for (const flag of ["--help", "-h"]) {
      const help = await run(t, [flag]);
      assert.equal(help.code, 0);
      for (const word of ["serve", "client", "--version"]) assert.ok(help.stdout.includes(word), word);
    }
    const serve = await run(t, ["serve", "--help"]);
    assert.equal(serve.code, 0);
    for (const variable of VARIABLES) assert.ok(serve.stdout.includes(`  ${variable} `), variable);
    const client = await run(t, ["client", "--help"]);
    assert.equal(client.code, 0);
    assert.ok(client.stdout.includes("SERVER_URL"));
  });

  for (const args of [[], ["serv"], ["serve", "now"], ["--port", "1"], ["client", "a", "b"], ["client", "ftp://x"]]) {
    test(`not understood: lastcall ${args.join(" ")}`, async (t) => {
      const { code, stdout, stderr } = await run(t, args);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /^lastcall: .+\nTry `lastcall --help`\.\n$/);
    });
  }

  test("faulty settings: all of them at once, and exit 1", async (t) => {
    const { code, stdout, stderr } = await run(t, ["serve"], {
      PORT: "eighty",
      DRAIN_STAGGER_SECONDS: "-1",
      LOG_LEVEL: "loud",
    });
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /^lastcall: 3 settings are not valid:\n/);
    assert.match(stderr, /^ {2}PORT: expected .*, got "eighty"$/m);
    assert.match(stderr, /^ {2}DRAIN_STAGGER_SECONDS: expected .*, got "-1"$/m);
    assert.match(stderr, /^ {2}LOG_LEVEL: expected .*, got "loud"$/m);
  });

  test("phases that do not fit: the itemised sum, and exit 1", async (t) => {
    const { code, stderr } = await run(t, ["serve"], { GRACEFUL_SHUTDOWN_TIMEOUT: "30" });
    assert.equal(code, 1);
    assert.match(stderr, /the drain does not fit into its budget/);
    assert.match(stderr, /^ {2}requests +10 s {2}REQUESTS_TIMEOUT_SECONDS$/m);
    assert.match(stderr, /^ {2}sum +45 s/m);
    assert.match(stderr, /^ {2}budget +30 s {2}GRACEFUL_SHUTDOWN_TIMEOUT$/m);
  });

  test("a port that somebody has: exit 1, and the message names it", async (t) => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, "127.0.0.1", () => {
        const address = other.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    t.after(() => other.close());
    const { code, stderr } = await run(t, ["serve"], { PORT: String(port) });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`EADDRINUSE.*127\\.0\\.0\\.1:${port}`));
    assert.doesNotMatch(stderr, /^ +at /m, "a stack says nothing to an operator");
  });

  test("files that are no certificate: exit 1, and the message names the settings", async (t) => {
    const file = join(ROOT, "package.json");
    for (const env of [
      { TLS_CERT_FILE: "/nowhere/tls.crt", TLS_KEY_FILE: file },
      { TLS_CERT_FILE: file, TLS_KEY_FILE: file },
    ]) {
      const { code, stderr } = await run(t, ["serve"], env);
      assert.equal(code, 1);
      assert.match(stderr, /TLS_CERT_FILE/);
      assert.doesNotMatch(stderr, /^ +at /m, "a stack says nothing to an operator");
    }
  });

  test("a setting that looks misspelt is told, and it starts", async (t) => {
    const service = await Service.start(t, { DRAIN_STAGER_SECONDS: "1" });
    assert.match(service.all("Settings")[0]?.warning ?? "", /DRAIN_STAGER_SECONDS.*DRAIN_STAGGER_SECONDS/);
    service.signal("SIGINT");
    assert.equal((await service.exit).code, 0);
  });
});
