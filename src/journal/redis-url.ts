/** One server's address. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is: one server, the master that Sentinels name, or the nodes of a Cluster. */
export type RedisTarget =
  | { readonly type: "server"; readonly address: Address; readonly db: number }
  | { readonly type: "sentinel"; readonly sentinels: readonly Address[]; readonly master: string; readonly db: number }
  | { readonly type: "cluster"; readonly nodes: readonly Address[] };

/** What a Redis URL says. */
export interface RedisUrl {
  readonly target: RedisTarget;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  /** Of the Sentinels themselves, where they ask for one. */
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** Begins every key of the journal. */
  readonly prefix: string;
}

export type ParsedRedisUrl =
  | { readonly type: "url"; readonly url: RedisUrl }
  /** In words that repeat nothing of the URL. */
  | { readonly type: "fault"; readonly received: string };

/** The schemes: `rediss` is TLS; after the plus, what the hosts are. */
export const REDIS_SCHEMES = [
  "redis",
  "rediss",
  "redis+sentinel",
  "rediss+sentinel",
  "redis+cluster",
  "rediss+cluster",
] as const;

const URL_PARTS = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/i;
const HOST = /^(?:\[([0-9a-f:.%]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i;
const PREFIX = /^[\w.:-]{1,64}$/;
const PARAMETERS = ["prefix", "sentinelUsername", "sentinelPassword"];
const DEFAULT_PREFIX = "lastcall";
const PORT = 6379;
const SENTINEL_PORT = 26379;

/**
 * Reads a Redis URL. `rediss` instead of `redis` is TLS (authorities beside the system's: `NODE_EXTRA_CA_CERTS`); user
 * and password are percent-encoded; `?prefix=` (default `lastcall`) keeps several journals apart in one Redis.
 *
 * - `redis://[user:password@]host[:6379][/db]`: one server (Redis >= 6.2, or Valkey)
 * - `redis+sentinel://[user:password@]host[:26379],host…/master[/db]`: the master of that name; the user and the password
 *   are Redis's, those of the Sentinels are `?sentinelUsername=` and `?sentinelPassword=`
 * - `redis+cluster://[user:password@]host[:6379],host…`: a Cluster, found through any of these nodes
 */
export function parseRedisUrl(text: string): ParsedRedisUrl {
  try {
    return { type: "url", url: read(text) };
  } catch (thrown) {
    if (thrown instanceof Fault) return { type: "fault", received: thrown.message };
    // decodeURIComponent
    if (thrown instanceof URIError) return { type: "fault", received: "a URL with a broken percent sign" };
    throw thrown;
  }
}

/** Never leaves this file. */
class Fault extends Error {}

function read(text: string): RedisUrl {
  const parts = URL_PARTS.exec(text);
  if (parts === null) throw new Fault("a Redis URL without a host");
  const [, scheme = "", kind, login, hosts = "", path = "", query = ""] = parts;
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) throw new Fault(`a query parameter that is none of ${PARAMETERS.join(", ")}`);
  }
  const prefix = parameters.get("prefix") ?? DEFAULT_PREFIX;
  if (!PREFIX.test(prefix)) throw new Fault("a prefix that is not 1 to 64 letters, digits, '.', ':', '_' or '-'");
  const sentinelUsername = parameters.get("sentinelUsername");
  const sentinelPassword = parameters.get("sentinelPassword");
  return {
    target: readTarget(kind?.toLowerCase(), hosts, path.split("/").map(decodeURIComponent)),
    tls: scheme.toLowerCase() === "rediss",
    ...readLogin(login),
    ...(sentinelUsername === null ? {} : { sentinelUsername }),
    ...(sentinelPassword === null ? {} : { sentinelPassword }),
    prefix,
  };
}

function readLogin(login: string | undefined): Pick<RedisUrl, "username" | "password"> {
  if (login === undefined) return {};
  const colon = login.indexOf(":");
  const username = decodeURIComponent(colon < 0 ? login : login.slice(0, colon));
  const password = colon < 0 ? "" : decodeURIComponent(login.slice(colon + 1));
  return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
}

function readTarget(kind: string | undefined, hosts: string, path: readonly string[]): RedisTarget {
  if (kind === "cluster") {
    if (path.some((part) => part !== "")) throw new Fault("a Redis Cluster with a database: it has only one");
    return { type: "cluster", nodes: readHosts(hosts, PORT) };
  }
  if (kind === "sentinel") {
    const [master = "", db = ""] = path;
    if (master === "" || path.length > 2) throw new Fault("a Sentinel URL whose path is not /<master>[/<database>]");
    return { type: "sentinel", sentinels: readHosts(hosts, SENTINEL_PORT), master, db: readDatabase(db) };
  }
  const [address, ...others] = readHosts(hosts, PORT);
  if (address === undefined || others.length > 0) {
    throw new Fault("several hosts, which redis+sentinel: and redis+cluster: take");
  }
  const [db = "", ...rest] = path;
  if (rest.length > 0) throw new Fault("a Redis URL whose path is not /<database>");
  return { type: "server", address, db: readDatabase(db) };
}

function readHosts(hosts: string, defaultPort: number): readonly Address[] {
  return hosts.split(",").map((text) => {
    const [, ipv6, name, digits] = HOST.exec(text) ?? [];
    const host = ipv6 ?? name;
    const port = Number(digits ?? defaultPort);
    if (host === undefined || port < 1 || port > 65_535) throw new Fault("a host that is not <host>[:<port>]");
    return { host, port };
  });
}

function readDatabase(text: string): number {
  if (!/^\d{0,9}$/.test(text)) throw new Fault("a database that is not a number");
  return Number(text);
}
