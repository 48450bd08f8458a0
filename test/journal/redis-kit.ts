import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.js";
import { LastcallError } from "../../src/base/errors.js";
import { openJournal } from "../../src/journal/open.js";
import type { Journal, JournalOptions, Page } from "../../src/journal/port.js";
import type { Id } from "../../src/protocol/ids.js";
import { RedisServer } from "../support/redis.js";
import { Watch } from "../support/watch.js";

/** A redis-server for one test. */
export async function redis(t: TestContext, args: readonly string[] = []): Promise<RedisServer> {
  const server = await RedisServer.start(args);
  t.after(() => server.remove());
  return server;
}

/** A journal that is closed with its test. */
export async function opened(t: TestContext, url: string, options: Partial<JournalOptions> = {}): Promise<Journal> {
  const journal = await openJournal(url, options, systemClock);
  t.after(() => journal.close());
  return journal;
}

/** A place in a server that others use too. */
export function place(server: RedisServer): string {
  return `${server.url}?prefix=${randomUUID()}`;
}

/** Does it again until the journal is available. */
export async function eventually<T>(action: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await action();
    } catch (thrown) {
      assert.ok(thrown instanceof LastcallError && thrown.code === "journal_unavailable", String(thrown));
      assert.ok(thrown.retryable);
      await sleep(20);
    }
  }
}

/** Follows as the service does: through every loss of the journal, from where it was. */
export class Follower {
  readonly ids: Id[] = [];
  readonly gaps: Extract<Page, { type: "gap" }>[] = [];
  losses = 0;
  readonly #watch = new Watch();

  constructor(t: TestContext, journal: Journal, stream: string, after: Id) {
    const abort = new AbortController();
    const end = this.#run(journal, stream, after, abort.signal).catch((error) => this.#watch.end(() => String(error)));
    t.after(() => {
      abort.abort();
      return end;
    });
  }

  until(condition: (follower: this) => boolean): Promise<true> {
    return this.#watch.until(() => condition(this) || undefined);
  }

  async #run(journal: Journal, stream: string, after: Id, signal: AbortSignal): Promise<void> {
    let cursor = after;
    while (!signal.aborted) {
      try {
        for await (const page of journal.follow(stream, cursor, signal)) {
          if (page.type === "gap") this.gaps.push(page);
          else this.ids.push(...page.entries.map(({ id }) => id));
          cursor = page.type === "gap" ? page.cursor : (this.ids.at(-1) ?? cursor);
          this.#watch.changed();
        }
        return;
      } catch (thrown) {
        assert.ok(thrown instanceof LastcallError && thrown.code === "journal_unavailable", String(thrown));
        this.losses += 1;
        this.#watch.changed();
        await sleep(20);
      }
    }
  }
}
