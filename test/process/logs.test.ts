import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { assertClean } from "./farewell.js";

describe("the log", { timeout: 60_000 }, () => {
  test("JSON lines in words that an operator knows, with the plan, and the receipt last", async (t) => {
    const service = await Service.start(t);
    const client = await TextClient.open(t, service.url);
    const second = await TextClient.open(t, service.url);
    client.send("hello");
    await service.logged("Received message", ({ message }) => message === "hello");
    second.destroy();
    await service.logged("Client disconnected", ({ fate, clients }) => fate === "gone" && clients === 1);
    service.signal("SIGTERM");
    await client.closed;
    const end = await service.ended();
    assertClean(end);

    const words = service.log.map(({ msg }) => msg);
    const expected = [
      "Server started",
      "Client connected",
      "Received message",
      "graceful_shutdown_started",
      "Shutdown begun",
      "Telling all clients",
      "Publishing the last items",
      "Last items published",
      "Closing all clients: last items, CLOSE, close frame",
      "Phase close over",
      "graceful_shutdown_completed",
    ];
    const places = expected.map((word) => words.indexOf(word));
    assert.ok(!places.includes(-1), `missing: ${expected.filter((word) => !words.includes(word))}`);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.deepEqual(
      service.all("Client connected").map(({ clients }) => clients),
      [1, 2],
    );
    assert.equal(service.all("Last items published")[0]?.items, 3);

    const [started] = service.all("graceful_shutdown_started");
    assert.equal(started?.reason, "SIGTERM");
    assert.equal(started?.clients, 1);
    assert.equal(started?.plan?.totalMs, 50_000);
    assert.deepEqual(
      started?.plan?.parts.map(({ part, ms }) => [part, ms]),
      [
        ["window", 0],
        ["finish", 5_000],
        ["stagger", 0],
        ["close", 5_000],
        ["requests", 10_000],
        ["release", 5_000],
        ["linger", 0],
      ],
    );
    const { receipt } = end;
    assert.equal(receipt.reason, "SIGTERM");
    assert.equal(receipt.budgetMs, 50_000);
    assert.deepEqual(
      receipt.phases.map(({ phase }) => phase),
      ["window", "announce", "finish", "close", "requests", "release", "linger"],
    );
    for (const { phase, outcome } of receipt.phases) {
      const told = service.all(`Phase ${phase} over`)[0];
      if (outcome !== "skipped") assert.equal(told?.outcome, outcome);
    }
  });

  test("the termination message is the receipt, where there is a file for it", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "termination-"));
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, "log");
    await writeFile(file, "");
    const service = await Service.start(t, { TERMINATION_MESSAGE_PATH: file });
    service.signal("SIGTERM");
    const { receipt } = await service.ended();
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")), receipt);
  });

  test("what an earlier run of the container left in that file does not stay behind the receipt", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "termination-"));
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, "log");
    await writeFile(file, "x".repeat(3_000));
    const service = await Service.start(t, { TERMINATION_MESSAGE_PATH: file });
    service.signal("SIGTERM");
    const { receipt } = await service.ended();
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")), receipt);
  });

  test("no file is made for it where there is none", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "termination-"));
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, "log");
    const service = await Service.start(t, { TERMINATION_MESSAGE_PATH: file });
    service.signal("SIGTERM");
    assertClean(await service.ended());
    assert.equal(existsSync(file), false);
  });
});
