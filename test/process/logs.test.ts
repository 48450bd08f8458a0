import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Service, unruly } from "../support/service.js";
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

  test("the same in both, and valid JSON of 4,096 bytes at most, however much went wrong", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "termination-"));
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, "log");
    await writeFile(file, "");
    const service = await Service.start(
      t,
      { TERMINATION_MESSAGE_PATH: file, ENDPOINT_REMOVAL_SECONDS: "2", ENDPOINT_REMOVAL_MAX_SECONDS: "2" },
      { node: unruly() },
    );
    const client = await TextClient.open(t, service.url);
    // Six bytes for each character, as JSON has it.
    const long = "\u0000".repeat(2_000);
    for (let n = 0; n < 100; n += 1) service.child.send({ error: `${n} ${long}` });
    await client.closed;
    const { code, receipt } = await service.ended();
    assert.equal(code, 1);
    const text = await readFile(file, "utf8");
    assert.ok(Buffer.byteLength(text) <= 4_096, `${Buffer.byteLength(text)} bytes`);
    assert.deepEqual(JSON.parse(text), receipt);
    // What counts is all there, and each error is in the log by itself.
    assert.equal(receipt.outcome, "failed");
    assert.deepEqual([receipt.clients.told, receipt.clients.flushed, receipt.clients.left], [1, 1, 1]);
    assert.deepEqual([receipt.phases.length, receipt.finals], [7, 3]);
    assert.match(receipt.reason, /^uncaught error: 0 /);
    assert.match(receipt.errors[0] ?? "", /^0 /);
    assert.equal(receipt.errors.at(-1), `and ${100 - receipt.errors.length + 1} more`);
    assert.equal(service.all("Error during shutdown; the shutdown goes on").length, 99);
  });

  for (const [what, path] of [
    ["a folder", tmpdir()],
    ["a full device", "/dev/full"],
  ] as const) {
    test(`${what} in the place of that file changes nothing else`, async (t) => {
      const service = await Service.start(t, { TERMINATION_MESSAGE_PATH: path });
      service.signal("SIGTERM");
      assertClean(await service.ended());
      assert.equal(service.stderr, "");
    });
  }

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
