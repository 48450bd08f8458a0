import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { RawConnection, UPGRADE } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { Watch } from "../support/watch.js";

const READERS = 900;
const SLOW = 100;
/** Many times what a segment holds, so that everybody who stalls holds memory that nobody else does. */
const LARGE = 1_000_000;
/** More than the kernel keeps for a connection whose peer does not read, in such items. */
const KERNEL_ITEMS = 12;
const PINNED = 16_777_216;
/** What is remembered of replays, and of the stream's end (src/stream/page-store.ts, frame-log.ts), and an item more of each. */
const CACHES = 16_777_216 + 524_288 + 2 * LARGE;
/** Whatever else a server of a thousand clients may have on hand. */
const SPARE = 8_388_608;

const heap = new URL("../support/heap.js", import.meta.url).href;

/** A text client on a bare socket, which notes the number at the beginning of each item. */
class Reader {
  readonly numbers: number[] = [];
  readonly socket: Socket;
  readonly #watch = new Watch();
  #rest = Buffer.alloc(0);
  #skip = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => this.#watch.end(() => "closed"));
    socket.on("data", (chunk: Buffer) => {
      this.#read(chunk);
      this.#watch.changed();
    });
  }

  static async open(t: TestContext, url: URL, after = "now"): Promise<Reader> {
    const socket = connect(Number(url.port), url.hostname);
    t.after(() => socket.destroy());
    const head = Object.entries({ host: "test", ...UPGRADE }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /ws?after=${after} HTTP/1.1\r\n${head.join("")}\r\n`);
    // No more than the answer's head: whoever never reads it all leaves the rest to the kernel.
    await once(socket, "readable");
    let answer = "";
    while (!answer.endsWith("\r\n\r\n")) {
      const byte: Buffer | null = socket.read(1);
      if (byte === null) await once(socket, "readable");
      else answer += byte.toString("latin1");
    }
    assert.match(answer, /^HTTP\/1\.1 101 /);
    return new Reader(socket);
  }

  /** Waits for the item of that number. */
  async until(n: number): Promise<void> {
    await this.#watch.until(() => (this.numbers.at(-1) === n ? true : undefined));
  }

  /** How it ends: with the item of that number, or closed before. */
  async end(n: number): Promise<"reached" | "closed"> {
    return await this.until(n).then(
      () => "reached",
      () => "closed",
    );
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
    }
    rest = this.#rest.length === 0 ? rest : Buffer.concat([this.#rest, rest]);
    // A header, and the number that the payload begins with.
    while (rest.length >= 20) {
      assert.equal(rest[0], 0x81);
      const short = (rest[1] ?? 0) & 127;
      const header = short === 127 ? 10 : short === 126 ? 4 : 2;
      const length = short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short;
      this.numbers.push(Number.parseInt(rest.toString("latin1", header, header + 10), 10));
      const end = header + length;
      this.#skip = Math.max(0, end - rest.length);
      rest = rest.subarray(end);
    }
    this.#rest = Buffer.from(rest);
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test("of a thousand clients a hundred never read: nobody else is delayed, and the server's memory is bounded", {
  timeout: 170_000,
}, async (t) => {
  const service = await Service.start(
    t,
    {
      MAX_PINNED_BYTES: `${PINNED}`,
      MAX_ITEM_BYTES: `${2 * LARGE}`,
      FEED_INTERVAL_SECONDS: "0",
      // A bare socket answers no ping.
      PING_INTERVAL_SECONDS: "3600",
    },
    { node: ["--expose-gc", `--import=${heap}`] },
  );
  const { url } = service;
  const publisher = await RawConnection.open(t, url);
  const ids: string[] = [];
  const publish = async (bytes: number): Promise<void> => {
    const body = JSON.stringify(`${ids.length + 1} `.padEnd(bytes, "x"));
    const { status, body: answer } = await publisher.request("POST", "/items", { body });
    assert.equal(status, 201);
    ids.push(JSON.parse(answer).id);
  };
  const inUse = async (): Promise<NodeJS.MemoryUsage> => {
    service.child.send("heap");
    const [usage] = await once(service.child, "message");
    return usage;
  };
  const figure = async (name: string): Promise<number> => {
    const text = await (await fetch(new URL("/metrics", url))).text();
    const line = text.split("\n").find((line) => line.startsWith(`${name} `)) ?? assert.fail(`no ${name}`);
    return Number(line.slice(name.length));
  };
  const slowEnds = () => figure('lastcall_connections_closed_total{protocol="text",fate="slow"}');

  for (let i = 0; i < SLOW + KERNEL_ITEMS; i += 1) await publish(LARGE);
  const readers: Reader[] = [];
  for (let i = 0; i < READERS; i += 100) {
    readers.push(...(await Promise.all(Array.from({ length: 100 }, () => Reader.open(t, url)))));
  }
  const first = ids.length + 1;
  const before = await inUse();

  // Each begins one item after the one before, reads nothing, and stalls with a page of its own.
  const slow: Reader[] = [];
  for (let i = 0; i < SLOW; i += 1) {
    const reader = await Reader.open(t, url, ids[i]);
    reader.socket.pause();
    slow.push(reader);
  }
  // What the kernel did not take of the last one is held by then: everybody else's came before.
  for (let n = 0; n < 100; n += 1) await publish(1_000);
  await Promise.all(readers.map((reader) => reader.until(ids.length)));
  for (const { numbers } of readers) assert.deepEqual(numbers, range(first, ids.length));

  const closed = await slowEnds();
  assert.ok(closed > 0 && closed < SLOW, `${closed} were closed`);
  assert.equal(service.all("Client disconnected").filter(({ fate }) => fate === "slow").length, closed);
  const pinned = await figure("lastcall_pinned_bytes");
  assert.ok(pinned > 0 && pinned <= PINNED, `${pinned} bytes pinned`);
  assert.equal(await figure("lastcall_stalled_clients"), SLOW - closed);
  const after = await inUse();
  const grown = after.external - before.external;
  t.diagnostic(`${closed} closed; ${pinned} bytes pinned; external memory grew by ${grown}`);
  assert.ok(grown <= PINNED + CACHES + SPARE, `external memory has grown by ${grown} bytes`);

  // All read again. Whoever was left gets everything, in order, and what comes meanwhile; who was closed has whole items up
  // to there, and goes on after the last of them.
  for (const { socket } of slow) socket.resume();
  await publish(1_000);
  const ends = await Promise.all(slow.map((reader) => reader.end(ids.length)));
  assert.equal(ends.filter((end) => end === "closed").length, closed);
  assert.equal(await slowEnds(), closed, "who reads is not closed");
  for (const [i, { numbers }] of slow.entries()) {
    const last = numbers.at(-1) ?? i + 1;
    assert.deepEqual(numbers, range(i + 2, last));
    if (ends[i] === "reached") continue;
    const again = await Reader.open(t, url, ids[last - 1]);
    await again.until(ids.length);
    assert.deepEqual(again.numbers, range(last + 1, ids.length));
    again.socket.destroy();
  }
  assert.equal(await figure("lastcall_stalled_clients"), 0);
});
