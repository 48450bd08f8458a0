import { Cluster, type CommonRedisOptions, Redis } from "ioredis";
import type { LastcallError } from "../base/errors.js";
import { explain, unavailable } from "./redis-errors.js";
import type { RedisUrl } from "./redis-url.js";

/** A connection attempt, and any answer, may take this long, ms; after that the connection is given up and made anew. */
const ANSWER_MS = 5_000;
/** Reconnecting waits at most this long, ms. */
const RECONNECT_MS = 2_000;
/** What a socket that was told to end has left, ms. */
const DISCONNECT_MS = 500;

export type Argument = string | number;

/** One connection, or for a Cluster one set of connections. It reconnects by itself, for ever. */
export class Connection {
  readonly #client: Redis | Cluster;
  /** Why it is not connected, as far as is known. */
  #trouble: string | undefined;
  #closed = false;

  /** `demoted` is called when it finds itself at a replica. */
  constructor(url: RedisUrl, demoted: () => void) {
    this.#client = connect(url, demoted);
    // Without a listener an EventEmitter's `error` would end the process.
    this.#client.on("error", (error: Error) => {
      this.#trouble = explain(error);
    });
    this.#client.on("ready", () => {
      this.#trouble = undefined;
    });
    this.#client.on("end", () => this.#startAnew());
  }

  /** Settles when it is connected, or when the first attempt has failed. */
  tried(): Promise<void> {
    return new Promise((resolve) => {
      for (const event of ["ready", "error", "close", "end"] as const) this.#client.once(event, () => resolve());
    });
  }

  /** @throws LastcallError `journal_unavailable`; whether the command was executed is not known then */
  async call(command: string, args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.#client.call(command, [...args]);
    } catch (thrown) {
      throw this.#failure(thrown);
    }
  }

  /** Commands that must reach the same server, the first of which names a key there; as `call`. */
  async callAll(commands: readonly (readonly [command: string, args: readonly Argument[]])[]): Promise<unknown[]> {
    const pipeline = this.#client.pipeline();
    for (const [command, args] of commands) pipeline.call(command, [...args]);
    const results = await pipeline.exec().catch((thrown: unknown) => {
      throw this.#failure(thrown);
    });
    return (results ?? []).map(([error, answer]) => {
      if (error !== null) throw this.#failure(error);
      return answer;
    });
  }

  /** Looks anew where its server is. */
  reconnect(): void {
    if (this.#client.status === "ready") this.#client.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
  }

  /**
   * ioredis 6.0 gives up for good when its failover detector finds the new master in the moment in which the client is
   * connecting: it then takes the detector's disconnect for the application's.
   */
  #startAnew(): void {
    setTimeout(() => {
      // What fails is told as `error`, and tried again like any other attempt.
      if (!this.#closed && this.#client.status === "end") this.#client.connect().catch(() => {});
    }, delay(0)).unref();
  }

  #failure(thrown: unknown): LastcallError {
    return unavailable(explain(thrown) ?? this.#trouble ?? "the connection was lost");
  }
}

function connect({ target, tls, username, password, ...url }: RedisUrl, demoted: () => void): Redis | Cluster {
  const common = {
    // The journal's callers decide what is sent again: an append that waited here would come after later ones.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // Nothing of RESP3 is used, and its HELLO would carry the password in an error's arguments.
    protocol: 2,
    connectionName: "lastcall",
    connectTimeout: ANSWER_MS,
    socketTimeout: ANSWER_MS,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  } satisfies CommonRedisOptions;
  const secure = tls ? { tls: {} } : {};
  if (target.type === "cluster") {
    return new Cluster([...target.nodes], {
      enableOfflineQueue: false,
      clusterRetryStrategy: delay,
      clusterNodeRetryStrategy: delay,
      slotsRefreshTimeout: ANSWER_MS,
      redisOptions: { ...common, ...secure, disconnectTimeout: DISCONNECT_MS },
    });
  }
  const options = {
    ...common,
    ...secure,
    db: target.db,
    retryStrategy: delay,
    disconnectTimeout: DISCONNECT_MS,
    reconnectOnError(error: Error) {
      if (error.message.includes("READONLY")) demoted();
      return false;
    },
  };
  if (target.type === "server") return new Redis({ ...options, ...target.address });
  return new Redis({
    ...options,
    sentinels: [...target.sentinels],
    name: target.master,
    sentinelRetryStrategy: delay,
    // Leaves a master that was deposed as soon as the Sentinels say so, though it may still answer.
    failoverDetector: true,
    ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
    ...(url.sentinelUsername === undefined ? {} : { sentinelUsername: url.sentinelUsername }),
    ...(url.sentinelPassword === undefined ? {} : { sentinelPassword: url.sentinelPassword }),
  });
}

/** Exponential, with jitter, so that a fleet does not come back in step. */
function delay(times: number): number {
  return Math.min(RECONNECT_MS, 50 * 2 ** Math.min(times, 10)) * (0.5 + Math.random() / 2);
}
