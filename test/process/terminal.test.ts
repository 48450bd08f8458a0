import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { BIN, Program } from "../support/service.js";

const possible = spawnSync("script", ["-qec", "true", "/dev/null"], { stdio: "ignore" }).status === 0;
const skip = possible ? false : "NOT TESTED: needs script(1) of util-linux for a terminal";

for (const [how, command, codes] of [
  // The terminal signals the whole foreground group, and npm passes its signal on: the service may get two. Newer npms
  // end with 130 (SIGINT) of their own accord, whatever the service's exit code was.
  ["npm start", "npm start", [0, 130]],
  ["node", `exec "${process.execPath}" "${BIN}" serve`, [0]],
] as const) {
  test(`Ctrl-C in a terminal, through ${how}: one clean end`, { timeout: 60_000, skip }, async (t) => {
    const terminal = new Program(
      t,
      ["script", "-qec", command, "/dev/null"],
      {
        HOST: "127.0.0.1",
        PORT: "0",
        JOURNAL_URL: "memory:",
        FEED_INTERVAL_SECONDS: "0.1",
        TERM: "xterm",
        SHELL: "/bin/sh",
      },
      { stdin: true },
    );
    await terminal.text("Server started");
    terminal.child.stdin?.write("\x03");
    const { code } = await terminal.exit;
    assert.ok(
      codes.some((expected) => expected === code),
      `exit code ${code}`,
    );
    assert.doesNotMatch(terminal.lines.join("\n"), /npm (ERR!|error)/);
    const completed = terminal.lines.filter((line) => line.includes("graceful_shutdown_completed"));
    assert.equal(completed.length, 1);
    assert.match(completed[0] ?? "", /"reason":"SIGINT","outcome":"clean","exitCode":0/);
  });
}
