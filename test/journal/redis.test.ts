import { randomUUID } from "node:crypto";
import { after } from "node:test";
import { systemClock } from "../../src/base/clock.js";
import { openJournal } from "../../src/journal/open.js";
import { RedisServer } from "../support/redis.js";
import { journalContract } from "./contract.js";

const server = await RedisServer.start();
after(() => server.remove());

// One server for all: a prefix makes each store a new one.
journalContract("redis", async (options) => {
  const url = `${server.url}?prefix=${randomUUID()}`;
  return {
    journal: await openJournal(url, options, systemClock),
    again: () => openJournal(url, options, systemClock),
    empty: async () => {
      await server.command("FLUSHALL");
    },
  };
});
