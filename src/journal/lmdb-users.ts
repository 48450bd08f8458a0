import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readdirSync, readlinkSync, renameSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { LastcallError, toError } from "../base/errors.js";

/** `user-<PID namespace>-<random>.sock`; ends in `.new` until somebody listens. */
const USER = /^user-(\d+)-[0-9a-f]{16}\.sock(\.new)?$/;

/** A socket that nobody listens to yet belongs to somebody who starts, unless it is older than this, ms. */
const STARTING_MS = 60_000;

/** A process's mark in the folder of a journal that it uses. */
export interface Claim {
  release(): void;
}

/**
 * Marks the folder as used by this process, and refuses when a process of another PID namespace uses it. LMDB knows those
 * who read by their process id, and locks the byte of that number (mdb.c, mdb_reader_pid): of two containers' processes 1
 * the second blocks for ten seconds and then cannot read; and its robust mutexes name their holder by thread id.
 *
 * The mark is a Unix socket that the process listens on. The kernel knows whether somebody listens, whatever namespaces
 * the two are in, and forgets the listener with the process: a file left by SIGKILL, a reboot or a rescheduled pod
 * refuses the connection, and is removed. So nothing has to expire and no clock is trusted: a pod that is restarted on the
 * same volume starts at once. A process on another machine (a network volume) is not seen; there LMDB's map does not work.
 *
 * Everybody makes the own mark first and looks for others then, so of two that start together at least one is refused;
 * it may be both.
 *
 * @throws LastcallError `journal_unavailable`
 */
export async function claim(folder: string): Promise<Claim> {
  const namespace = pidNamespace();
  if (namespace === undefined) return { release: () => {} };
  // Through /proc, because a socket's path holds 107 bytes and a folder's may be longer.
  const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  const near = `/proc/self/fd/${handle}`;
  const name = `user-${namespace}-${randomBytes(8).toString("hex")}.sock`;
  const server = createServer((visitor) => visitor.destroy());
  const release = () => {
    server.close();
    rmSync(join(folder, name), { force: true });
    closeSync(handle);
  };
  try {
    await listen(server, `${near}/${name}.new`);
    // Only now: between its birth and the listening it would look like one that was left.
    renameSync(`${near}/${name}.new`, `${near}/${name}`);
    const others = readdirSync(folder).filter((other) => other !== name);
    const users = await Promise.all(others.map((other) => namespaceOf(near, other)));
    if (users.every((user) => user === undefined || user === namespace)) return { release };
  } catch (thrown) {
    release();
    throw thrown;
  }
  release();
  throw new LastcallError(
    "journal_unavailable",
    `The journal in ${folder} is in use by a process of another PID namespace (another container or pod); ` +
      "processes that share it must share their PID namespace too. It can be opened when that process has ended.",
  );
}

/** Linux's number of this process's PID namespace (pid_namespaces(7)); undefined where there is no such thing. */
function pidNamespace(): string | undefined {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
  } catch {
    return undefined;
  }
}

/** The PID namespace of the process whose mark this is; undefined when it is none, or nobody's any more. */
async function namespaceOf(folder: string, file: string): Promise<string | undefined> {
  const [, namespace, starting] = USER.exec(file) ?? [];
  if (namespace === undefined) return undefined;
  const path = join(folder, file);
  if (starting !== undefined && ageOf(path) < STARTING_MS) return undefined;
  if (await isListening(path)) return namespace;
  rmSync(path, { force: true });
  return undefined;
}

function ageOf(path: string): number {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      // Whatever else goes wrong (no permission, too many waiting) does not say that nobody is there.
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // It stays: what goes wrong later (a visitor that cannot be accepted) does not matter.
    server.on("error", (error) => {
      reject(
        new LastcallError(
          "journal_unavailable",
          `The journal's folder cannot hold a socket: ${toError(error).message}`,
        ),
      );
    });
    // `exclusive`: in a cluster's worker the primary would listen in its place.
    server.listen({ path, exclusive: true }, resolve).unref();
  });
}
