import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Client, connect, type Gap, type Item, LastcallError } from "../../src/client.js";
import { type Id, numberOf } from "../../src/protocol/ids.js";
import { ManualClock } from "../support/manual-clock.js";
import { settle, URL } from "./kit.js";
import { ModelConnection, ModelJournal } from "./model-server.js";
import { scripted } from "./scripted-websocket.js";

/** What may happen; the number says to whom, or how much. */
const STEPS = [
  ["append", 12],
  ["publish", 4],
  ["take", 12],
  ["accept", 4],
  ["hear", 10],
  ["hear_unavailable", 1],
  ["give", 10],
  ["deliver", 8],
  ["answer", 2],
  ["drain", 3],
  ["close", 1],
  ["cut", 1],
  ["trim", 2],
  ["replace", 1],
  ["turn", 4],
  ["wake", 1],
] as const;

const step = fc.tuple(
  fc.oneof(...STEPS.map(([what, weight]) => ({ weight, arbitrary: fc.constant(what) }))),
  fc.nat({ max: 1_000 }),
);
type Step = (typeof STEPS)[number][0];

type Told = { readonly type: "item"; readonly item: Item } | { readonly type: "gap"; readonly gap: Gap };

/** A client, the servers it meets, and an application that takes an item when it is told to. */
class World {
  readonly clock = new ManualClock();
  readonly journal = new ModelJournal();
  readonly told: Told[] = [];
  readonly publishes: { readonly key: string; outcome: Id | unknown }[] = [];
  readonly #script = scripted();
  readonly #connections: ModelConnection[] = [];
  readonly #client: Client;
  readonly #items: AsyncIterator<Item>;
  #taking = false;
  #published = 0;
  #wake: () => void = () => {};

  constructor(seen: number) {
    for (let i = 0; i < seen; i += 1) this.journal.append(`seen ${i}`);
    this.#client = connect(URL, {
      WebSocket: this.#script.WebSocket,
      clock: this.clock,
      random: () => 0.5,
      after: "oldest",
      buffer: 3,
      onGap: (gap) => void this.told.push({ type: "gap", gap }),
      host: {
        subscribe: (listener) => {
          this.#wake = () => listener("wake");
          return () => {};
        },
      },
    });
    this.#items = this.#client[Symbol.asyncIterator]();
  }

  async step(what: Step, n: number): Promise<void> {
    const { connections } = this;
    const one = connections[n % connections.length];
    switch (what) {
      case "append":
        this.journal.append(`other ${n}`);
        break;
      case "publish":
        this.#publish();
        break;
      case "take":
        this.#take();
        break;
      case "accept":
        one?.accept();
        break;
      case "hear":
      case "hear_unavailable":
        one?.hear(what === "hear_unavailable");
        break;
      case "give":
        for (let i = 0; i <= n % 4; i += 1) one?.give();
        break;
      case "deliver":
        one?.deliver(1 + (n % 4));
        break;
      case "answer":
        one?.answer();
        break;
      case "drain":
        one?.drain(n);
        break;
      case "close":
        one?.cut(1012);
        break;
      case "cut":
        one?.cut(n % 2 === 0 ? 1006 : 1013);
        break;
      case "trim":
        this.journal.trim(n % 8);
        break;
      case "replace":
        if (n % 3 === 0) this.journal.replace(n % 7);
        break;
      case "turn":
        await this.clock.advance(n * 3);
        break;
      case "wake":
        this.#wake();
        break;
    }
    await settle();
  }

  /** Nothing goes wrong any more: everything arrives, and everything is read. */
  async calm(): Promise<void> {
    for (let rounds = 0, quiet = 0; quiet < 3; rounds += 1) {
      assert.ok(rounds < 100, `it never comes to rest: ${this.status}`);
      const before = this.#progress;
      for (const connection of this.connections) {
        connection.accept();
        connection.answer();
        connection.beat();
        for (let i = 0; i < 40 && !connection.idle; i += 1) {
          connection.hear(false);
          connection.give();
          connection.deliver(9);
          this.#take();
          await settle();
        }
      }
      this.#take();
      await this.clock.advance(10_000);
      quiet = before === this.#progress ? quiet + 1 : 0;
    }
  }

  get #progress(): string {
    return `${this.told.length} ${this.pending} ${this.#script.sockets.length} ${this.status}`;
  }

  async end(): Promise<void> {
    const closed = this.#client.close();
    await this.clock.advance(2_000);
    await closed;
    assert.deepEqual(this.clock.pending, [], "no timer is left");
    assert.ok(this.#script.sockets.every(({ readyState }) => readyState === 3));
  }

  get pending(): number {
    return this.publishes.filter(({ outcome }) => outcome === undefined).length;
  }

  get status(): string {
    return this.#client.status.get().type;
  }

  get connections(): readonly ModelConnection[] {
    for (const socket of this.#script.sockets.slice(this.#connections.length)) {
      this.#connections.push(new ModelConnection(socket, this.journal));
    }
    return this.#connections.filter((connection) => connection.socket.readyState < 3);
  }

  #publish(): void {
    const key = `key ${this.#published++}`;
    const publish: World["publishes"][number] = { key, outcome: undefined };
    this.publishes.push(publish);
    this.#client.publish(`mine ${key}`, { key }).then(
      (id) => {
        publish.outcome = id;
      },
      (error: unknown) => {
        publish.outcome = error;
      },
    );
  }

  #take(): void {
    if (this.#taking) return;
    this.#taking = true;
    void this.#items.next().then(({ value, done }) => {
      this.#taking = false;
      if (!done) this.told.push({ type: "item", item: value });
    });
  }
}

/** What was given out is the stream: contiguous, in order, each item once, every gap told. */
function checkTold({ told, journal }: World): Id | undefined {
  let cursor: Id | undefined;
  for (const entry of told) {
    if (entry.type === "gap") {
      const { after, cursor: next, reason } = entry.gap;
      if (cursor !== undefined) assert.equal(after, cursor, "a gap begins where the application stands");
      if (reason === "trimmed") assert.ok(numberOf(next) > numberOf(after), "items that are there are no gap");
      cursor = next;
      continue;
    }
    const { id, data } = entry.item;
    if (cursor !== undefined) assert.equal(numberOf(id), numberOf(cursor) + 1, `${id} after ${cursor}`);
    assert.equal(data, journal.all.get(id)?.data, "an item is the one of its id");
    cursor = id;
  }
  const ids = told.flatMap((entry) => (entry.type === "item" ? [entry.item.id] : []));
  assert.equal(new Set(ids).size, ids.length, "no item comes twice");
  return cursor;
}

function checkPublishes({ publishes, journal }: World): void {
  for (const { key, outcome } of publishes) {
    if (typeof outcome === "string") {
      assert.equal(journal.all.get(outcome as Id)?.key, key, "an ack is for the item that it names");
    } else {
      assert.ok(outcome instanceof LastcallError && outcome.code === "unknown_outcome", String(outcome));
    }
  }
  const landed = new Set<string>();
  for (const [id, { key }] of journal.all) {
    if (key === undefined) continue;
    // A journal that was replaced has lost its keys as well.
    const once = `${key} ${id.slice(id.indexOf("-"))}`;
    assert.ok(!landed.has(once), `${key} is in the stream twice`);
    landed.add(once);
  }
}

test("whatever connections, journal and reader do: each item once and in order, gaps told, publishes land once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 5 }), fc.array(step, { maxLength: 250, size: "max" }), async (seen, steps) => {
      const world = new World(seen);
      for (const [what, n] of steps) {
        await world.step(what, n);
        assert.ok(world.connections.filter(({ alive }) => alive).length <= 3);
        checkTold(world);
      }
      await world.calm();
      const cursor = checkTold(world);
      assert.equal(world.status, "open");
      if (cursor !== undefined) assert.equal(cursor, world.journal.head, "everything has come");
      assert.equal(world.pending, 0, "every publish is settled");
      checkPublishes(world);
      await world.end();
    }),
    { numRuns: 200 },
  );
});
