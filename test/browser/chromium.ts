import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type BrowserContext, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** `CHROMIUM=<file>`, or whichever is installed. */
const FILE = [process.env["CHROMIUM"] ?? "", ...NAMES].find(
  (file) => file !== "" && spawnSync(file, ["--version"]).status === 0,
);

/** Why there is no browser here, in the words of a skipped test; `false` when there is. */
export const noBrowser = FILE === undefined ? `NOT TESTED: needs ${NAMES.join(" or ")}, or CHROMIUM=<file>` : false;

/**
 * A real browser without a window, with a profile of its own. It is started here and only then connected to, because a
 * browser that Playwright starts believes of every tab that it is in front: there, no tab is ever hidden, no timer slowed
 * down, and no page frozen. Here they are, as for a user.
 */
export async function openBrowser(t: TestContext): Promise<BrowserContext> {
  if (FILE === undefined) throw new Error("no browser");
  const profile = await mkdtemp(join(tmpdir(), "chromium-"));
  const child = spawn(
    FILE,
    [
      "--headless=new",
      // Chromium's sandbox refuses to work as root.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      // The test page does not come over the network (test-page.ts), so Chromium counts it as one of the internet, which may
      // not open connections to this machine unless the user allows it.
      "--disable-features=LocalNetworkAccessChecks",
      "--remote-debugging-port=0",
      // Nobody speaks on that pipe: its end is the browser's end, also when the test is killed.
      "--remote-debugging-pipe",
      `--user-data-dir=${profile}`,
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] },
  );
  const exit = once(child, "close");
  const pipes = child.stdio.slice(3);
  t.after(async () => {
    for (const pipe of pipes) pipe?.destroy();
    await exit;
    await rm(profile, { recursive: true, maxRetries: 5 });
  });
  const endpoint = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const [, url] = /^DevTools listening on (ws:\S+)$/m.exec(text) ?? [];
      if (url !== undefined) resolve(url);
    });
    child.once("exit", () => reject(new Error(`${FILE} ended:\n${text}`)));
  });
  const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true });
  const [context] = browser.contexts();
  if (context === undefined) throw new Error("no context");
  return context;
}
