import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean, assertFarewell } from "./farewell.js";

const ALONE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
const [unshare = "", ...options] = ALONE;
const possible = spawnSync(unshare, [...options, "true"]).status === 0;

test("as PID 1, as in a container: SIGTERM drains and ends with 0", {
  timeout: 60_000,
  skip: possible ? false : "NOT TESTED: needs unshare(1) and the right to make a PID namespace",
}, async (t) => {
  const service = await Service.start(t, {}, { around: ALONE });
  const client = await TextClient.open(t, service.url);
  assert.equal(service.log.at(0)?.pid, 1);
  const children = await readFile(`/proc/${service.pid}/task/${service.pid}/children`, "utf8");
  process.kill(Number(children.trim()), "SIGTERM");
  await client.closed;
  assertFarewell(client, 3);
  assertClean(await service.ended());
});
