import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import type { TestContext } from "node:test";

/** Creates all that `DarkNetwork` needs in a namespace that nobody sees, and that is gone with its only process. */
const REHEARSAL = `
  ip link add lc0 type veth peer name lc1 &&
  ip addr add 198.18.0.1 peer 198.18.0.2 dev lc0 &&
  ip rule add from 198.18.0.3 blackhole &&
  sysctl -qw net.ipv4.ip_forward=1 &&
  nsenter --net=/proc/self/ns/net setpriv --pdeathsig KILL true`;

/** Why there can be no `DarkNetwork` here, in the words of a skipped test; `false` when there can. */
export function noNamespaces(): string | false {
  const { status, stderr, error } = spawnSync("unshare", ["--net", "sh", "-c", REHEARSAL], { encoding: "utf8" });
  if (status === 0) return false;
  return `NOT TESTED: needs root, iproute2 and network namespaces (${(error?.message ?? stderr).trim()})`;
}

/**
 * A real network between this process and a server in a network namespace of its own, on which packets can be dropped:
 *
 * ```
 * this process ── veth ── a router, in its namespace ── veth ── the server's namespace, with two addresses
 * ```
 *
 * `cut` makes the router drop, without a word, what comes from or goes to one of the two: policy rules of type
 * `blackhole`, which send no ICMP. Both ends keep their links, routes and neighbours, so no socket hears of anything:
 * no FIN, no RST, no EHOSTUNREACH (which a link that is down, or a bridge port taken away, brings to both sooner or later,
 * and a firewall's DROP on the machine itself to whoever sends from there). What is sent stays unacknowledged and is sent
 * again by the kernel, and so arrives after `restore`, if the socket still stands.
 *
 * The namespaces have no names: each lives as long as a process in it, and takes its links and this side's routes with
 * it. All of these end with this process, even when it is killed: those that keep them read a pipe from it, and a server
 * that is started `around` is told by the kernel.
 */
export class DarkNetwork {
  /** The address that goes dark. */
  readonly dark: string;
  /** The address of the same server that never does. */
  readonly light: string;
  readonly #router: Namespace;
  readonly #server: Namespace;

  private constructor(router: Namespace, server: Namespace, dark: string, light: string) {
    this.#router = router;
    this.#server = server;
    this.dark = dark;
    this.light = light;
  }

  static async open(t: TestContext): Promise<DarkNetwork> {
    const [router, server] = await Promise.all([Namespace.open(t), Namespace.open(t)]);
    // 198.18.0.0/15 is kept for tests of networks (RFC 2544), and what is random in it for tests beside this one.
    const net = `198.${randomInt(18, 20)}.${randomInt(256)}`;
    const base = 8 * randomInt(32);
    const [here, near, far, dark, light] = [1, 2, 3, 4, 5].map((n) => `${net}.${base + n}`);
    if (dark === undefined || light === undefined) throw new Error("no addresses");
    const link = `lc${process.pid}x${randomInt(1_000)}`;
    // The kernel would do it too, a moment after the namespaces have ended; it may have done it already.
    t.after(() => spawnSync("ip", ["link", "delete", link]));
    batch(
      [],
      [
        `link add ${link} type veth peer name lan netns ${router.pid}`,
        `addr add ${here} peer ${near} dev ${link}`,
        `link set ${link} up`,
        `route add ${dark} via ${near}`,
        `route add ${light} via ${near}`,
      ],
    );
    router.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    batch(router.around, [
      `link add wan type veth peer name eth netns ${server.pid}`,
      `addr add ${near} peer ${here} dev lan`,
      `addr add ${far} peer ${dark} dev wan`,
      "link set lan up",
      "link set wan up",
      `route add ${light} dev wan`,
    ]);
    batch(server.around, [
      "link set lo up",
      `addr add ${dark} peer ${far} dev eth`,
      `addr add ${light} dev eth`,
      "link set eth up",
      `route add default via ${far}`,
    ]);
    return new DarkNetwork(router, server, dark, light);
  }

  /** A command that runs another one where the server is to be. */
  get around(): readonly string[] {
    return [...this.#server.around, "setpriv", "--pdeathsig", "KILL"];
  }

  /** From when this returns on, no packet from or to the dark address arrives. */
  cut(): void {
    batch(this.#router.around, [`rule add from ${this.dark} blackhole`, `rule add to ${this.dark} blackhole`]);
  }

  restore(): void {
    batch(this.#router.around, [`rule del from ${this.dark} blackhole`, `rule del to ${this.dark} blackhole`]);
  }

  /** Sets a parameter of the kernel's, for the server's sockets only. */
  tune(parameter: string, value: string): void {
    this.#server.run(["sysctl", "-qw", `${parameter}=${value}`]);
  }
}

/** A network namespace, and the process that keeps it. */
class Namespace {
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess) {
    this.#keeper = keeper;
  }

  static async open(t: TestContext): Promise<Namespace> {
    const keeper = spawn("unshare", ["--net", "sh", "-c", "echo && exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(keeper, "close");
    t.after(async () => {
      keeper.kill("SIGKILL");
      await ended;
    });
    await Promise.race([
      once(keeper.stdout, "data"),
      ended.then(() => Promise.reject(new Error("unshare --net did not start"))),
    ]);
    return new Namespace(keeper);
  }

  get pid(): number {
    const { pid } = this.#keeper;
    if (pid === undefined) throw new Error("not running");
    return pid;
  }

  get around(): readonly string[] {
    return ["nsenter", `--net=/proc/${this.pid}/ns/net`];
  }

  run(command: readonly string[]): void {
    run([...this.around, ...command]);
  }
}

function batch(around: readonly string[], lines: readonly string[]): void {
  run([...around, "ip", "-batch", "-"], lines.join("\n"));
}

/** Waits for it: what comes next in a test counts on it. */
function run(command: readonly string[], input = ""): void {
  const [file = "", ...args] = command;
  const { status, stderr, error } = spawnSync(file, args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${error?.message ?? stderr}\n${input}`);
}
