// Runs the built service once, from start over the first 200 to a clean exit, and keeps what V8 compiled on the way. It
// is also the first proof that what was built starts and stops.
import { spawn } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LIMIT_MS = 60_000;

/** Writes the code cache to `file`; throws when the service does not start, answer or end as it should. */
export async function warm(root, file) {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "lastcall-build-"));
  const service = spawn(
    process.execPath,
    ["--require", join(root, ".build/write-cache.cjs"), join(root, "dist/bin/lastcall.js"), "serve"],
    { env: settings(port, folder, file), stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [service.stdout, service.stderr]) stream.on("data", (chunk) => (output += chunk));
  const over = new AbortController();
  const ended = new Promise((resolve, reject) => {
    service.once("error", reject).once("exit", (code, signal) => resolve(signal ?? code));
  }).finally(() => over.abort());
  const limit = setTimeout(() => service.kill("SIGKILL"), LIMIT_MS);
  try {
    const answered = await answers(port, over.signal);
    // As Ctrl-C in a terminal: it skips the wait for endpoints to disappear.
    if (answered) service.kill("SIGINT");
    const how = await ended;
    if (!answered) throw new Error(`the built service ended with ${how} before it answered:\n${output}`);
    if (how !== 0) throw new Error(`the built service ended with ${how}:\n${output}`);
    await access(file);
  } finally {
    clearTimeout(limit);
    service.kill("SIGKILL");
    await ended.catch(() => {});
    await rm(folder, { recursive: true });
  }
}

/** The environment of the build must not reach the service: a setting meant for another run could stop it. */
function settings(port, folder, file) {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    ...(PATH && { PATH }),
    ...(HOME && { HOME }),
    ...(TMPDIR && { TMPDIR }),
    HOST: "127.0.0.1",
    PORT: String(port),
    // The default journal: what its start needs is in the cache then.
    JOURNAL_URL: `lmdb:${folder}`,
    LASTCALL_BUILD_CACHE: file,
  };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks until the probes' routes say 200 (what that needs is then in the cache); false when the service ends before. */
async function answers(port, over) {
  for (const path of ["/health", "/ready", "/metrics"]) {
    while ((await statusOf(port, path)) !== 200) {
      if (over.aborted) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return true;
}

function statusOf(port, path) {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode));
    });
    request.once("error", () => resolve(0));
  });
}
