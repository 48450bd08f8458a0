import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { ask } from "../support/raw-socket.js";
import { BIN, ROOT, Service } from "../support/service.js";
import { V1Socket } from "../support/v1-socket.js";
import { webSocketOf } from "./odd-traffic.js";

const run = promisify(execFile);

/** What the bundler makes with these variables, as text. */
async function bundled(env: Readonly<Record<string, string>>): Promise<string> {
  const bundler = pathToFileURL(join(ROOT, ".build/bundle.js")).href;
  const script = `const { bundle } = await import("${bundler}"); process.stdout.write((await bundle(process.cwd())).codes["lastcall.cjs"]);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

describe("which lastcall runs", { timeout: 60_000 }, () => {
  test("the package, --version, hello, /health, the OpenAPI document, the figures and every log line agree", async (t) => {
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    const service = await Service.start(t, {});
    const body = async (path: string) => (await ask(t, service.url, "GET", path)).body;
    const v1 = await V1Socket.open(t, webSocketOf(service));
    const [, labelled, revision] =
      /^lastcall_build_info\{version="(.*)",revision="(.*)"\} 1$/m.exec(await body("/metrics")) ?? [];
    assert.deepEqual(
      {
        command: (await run(process.execPath, [BIN, "--version"])).stdout.trim(),
        hello: v1.messages[0]?.["version"],
        health: JSON.parse(await body("/health")).version,
        openapi: JSON.parse(await body("/openapi.json")).info.version,
        figures: labelled,
      },
      { command: version, hello: version, health: version, openapi: version, figures: version },
    );
    service.signal("SIGINT");
    assert.equal(JSON.parse(await body("/health")).version, version, "while it drains, too");
    await service.ended();
    assert.deepEqual([...new Set(service.log.map((line) => line.version))], [version]);
    assert.equal((await service.logged("Server started")).revision, revision);
  });

  test("the image's label says the same", async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    assert.equal(/^ARG VERSION=(.*)$/m.exec(await readFile(join(ROOT, "Dockerfile"), "utf8"))?.[1], version);
  });

  test("the revision is the build's: what the image's build is given, else the checkout's commit", async () => {
    assert.match(await bundled({ REVISION: "given-by-the-image" }), /REVISION = "given-by-the-image"/);
    const [, revision = ""] = /REVISION = "(.*?)"/.exec(await bundled({ REVISION: "" })) ?? [];
    if (!existsSync(join(ROOT, ".git"))) return assert.equal(revision, "unknown");
    const commit = await run("git", ["rev-parse", "HEAD"], { cwd: ROOT }).then(
      ({ stdout }) => stdout.trim(),
      () => "unknown",
    );
    assert.ok(revision === commit || revision === `${commit}-dirty`, `${revision} of ${commit}`);
  });
});
