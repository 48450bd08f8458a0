import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { RawConnection } from "./raw-socket.js";

export interface Numbers {
  /** The last one that is in the journal. */
  readonly last: number;
  /** Publishes no more; gives the last one. */
  stop(): Promise<number>;
}

/** Publishes 1, 2, 3, ... one after the other, until it is stopped. */
export async function publishNumbers(t: TestContext, url: URL): Promise<Numbers> {
  const connection = await RawConnection.open(t, url);
  let last = 0;
  let stopped = false;
  const publish = async () => {
    while (!stopped) {
      const { status } = await connection.request("POST", "/items", { body: String(last + 1) });
      assert.equal(status, 201);
      last += 1;
      await setTimeout(10);
    }
  };
  const done = publish();
  return {
    get last() {
      return last;
    },
    async stop() {
      stopped = true;
      await done;
      return last;
    },
  };
}
