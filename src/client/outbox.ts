import type { Cancel, Clock, Signal } from "../base/clock.js";
import { type Deferred, deferred } from "../base/deferred.js";
import { ERROR_CODES, type ErrorCode, LastcallError, toError } from "../base/errors.js";
import type { Id } from "../protocol/ids.js";
import { type AckMessage, type ErrorMessage, type HelloMessage, isKey, MAX_KEY_LENGTH } from "../protocol/messages.js";
import { type BackoffOptions, backoffMs } from "./backoff.js";
import { byteLength, newKey } from "./keys.js";

export interface PublishOptions {
  /** 1 to 200 characters, the same for the same publish however often it is tried, also by a later client. Default: made. */
  readonly key?: string | undefined;
  /** Gives up waiting; what was sent already may be published all the same. */
  readonly signal?: Signal | undefined;
}

/** Where publishes go out: a connection that is live. */
export interface Exit {
  readonly hello: HelloMessage | undefined;
  send(text: string): void;
}

interface Publish {
  readonly key: string;
  readonly data: string;
  readonly settled: Deferred<Id>;
  /** Calls that wait for it: one, or several under one key. */
  waiting: number;
  /** When it was sent first, by both clocks: the monotonic one may stand still while the host sleeps. */
  sent: { readonly now: number; readonly epoch: number } | undefined;
  /** How often the server refused it for the time being. */
  refusals: number;
  cancelRetry: Cancel;
  cancelExpiry: Cancel;
}

const NOTHING: Cancel = () => {};

/** What is to be published and has no answer yet, oldest first. */
export class Outbox {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: BackoffOptions;
  readonly #pending = new Map<string, Publish>();
  #exit: Exit | undefined;
  #closed = false;

  constructor(clock: Clock, random: () => number, backoff: BackoffOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#backoff = backoff;
  }

  async publish(data: unknown, { key = newKey(), signal }: PublishOptions = {}): Promise<Id> {
    const text = toJson(data);
    // A server ends the connection for one that is not of its form.
    if (!isKey(key)) throw refusal("invalid_request", `key: expected 1 to ${MAX_KEY_LENGTH} characters`);
    if (this.#closed) throw refusal("cancelled", "the client is closed");
    if (signal?.aborted) throw refusal("cancelled", "aborted before it was sent");
    const before = this.#pending.get(key);
    if (before !== undefined && before.data !== text) throw refusal("key_reused", `other data waits under ${key}`);
    const publish = before ?? this.#add(key, text);
    publish.waiting += 1;
    if (signal === undefined) return publish.settled.promise;
    const aborted = deferred<never>();
    const onAbort = () => {
      publish.waiting -= 1;
      if (publish.waiting === 0) this.#remove(publish);
      aborted.reject(abandoned(publish, "aborted"));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([publish.settled.promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** From now on publishes go out here; all that have no answer are sent again, oldest first. */
  attach(exit: Exit | undefined): void {
    if (exit === this.#exit) return;
    this.#exit = exit;
    for (const publish of [...this.#pending.values()]) this.#send(publish);
  }

  acked({ key, id }: AckMessage): void {
    const publish = this.#pending.get(key);
    if (publish === undefined) return;
    this.#remove(publish);
    publish.settled.resolve(id);
  }

  refused({ key, code, message, retryable }: ErrorMessage): void {
    const publish = this.#pending.get(key);
    if (publish === undefined) return;
    if (retryable) {
      publish.cancelRetry();
      const ms = backoffMs(publish.refusals, this.#random, this.#backoff);
      publish.refusals += 1;
      publish.cancelRetry = this.#clock.after(ms, () => this.#send(publish));
      return;
    }
    this.#remove(publish);
    publish.settled.reject(new LastcallError(known(code), message, { detail: { key, code } }));
  }

  /** Settles everything; later publishes are refused. */
  close(): void {
    this.#closed = true;
    this.#exit = undefined;
    for (const publish of [...this.#pending.values()]) this.#reject(publish, "the client was closed");
  }

  #add(key: string, data: string): Publish {
    const publish: Publish = {
      key,
      data,
      settled: deferred(),
      waiting: 0,
      sent: undefined,
      refusals: 0,
      cancelRetry: NOTHING,
      cancelExpiry: NOTHING,
    };
    this.#pending.set(key, publish);
    this.#send(publish);
    return publish;
  }

  #send(publish: Publish): void {
    const hello = this.#exit?.hello;
    if (this.#exit === undefined || hello === undefined) return;
    publish.cancelRetry();
    const bytes = byteLength(publish.data);
    if (bytes > hello.maxBytes) {
      this.#remove(publish);
      const detail = { bytes, maxBytes: hello.maxBytes };
      publish.settled.reject(
        new LastcallError("too_large", `${bytes} bytes; the server takes ${hello.maxBytes}`, { detail }),
      );
    } else if (this.#expired(publish, hello.keyTtlMs)) {
      this.#expire(publish);
    } else {
      this.#exit.send(`{"type":"publish","key":${JSON.stringify(publish.key)},"data":${publish.data}}`);
    }
  }

  /** Past the time in which the server knows the key again, sending once more might publish twice. */
  #expired(publish: Publish, keyTtlMs: number): boolean {
    const now = this.#clock.now();
    const epoch = this.#clock.epoch();
    if (publish.sent === undefined) {
      publish.sent = { now, epoch };
      publish.cancelExpiry = this.#clock.after(keyTtlMs, () => this.#expire(publish));
    }
    return Math.max(now - publish.sent.now, epoch - publish.sent.epoch) >= keyTtlMs;
  }

  #expire(publish: Publish): void {
    this.#reject(publish, "no answer as long as the server knows the key");
  }

  #reject(publish: Publish, why: string): void {
    this.#remove(publish);
    publish.settled.reject(abandoned(publish, why));
  }

  #remove(publish: Publish): void {
    // Once it is settled, its key may be another's.
    if (this.#pending.get(publish.key) === publish) this.#pending.delete(publish.key);
    publish.cancelRetry();
    publish.cancelExpiry();
  }
}

function toJson(data: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw new LastcallError("invalid_request", `data: ${toError(cause).message}`, { cause });
  }
  if (text === undefined) throw refusal("invalid_request", `data: expected what JSON can say, got ${typeof data}`);
  return text;
}

function abandoned({ key, sent }: Publish, why: string): LastcallError {
  return new LastcallError(sent === undefined ? "cancelled" : "unknown_outcome", why, { detail: { key } });
}

function refusal(code: ErrorCode, message: string): LastcallError {
  return new LastcallError(code, message);
}

/** A newer server may have codes that are not known here; its own is in the detail. */
function known(code: ErrorCode): ErrorCode {
  return Object.hasOwn(ERROR_CODES, code) ? code : "invalid_request";
}
