import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { makeCertificate } from "../support/certificate.js";
import { UPGRADE } from "../support/raw-socket.js";
import { Service } from "../support/service.js";
import { TextClient } from "../support/text-client.js";
import { Watch } from "../support/watch.js";
import { assertClean, assertFarewell, clientsOf, everybodyLeft } from "./farewell.js";

const HEAD = Object.entries({ host: "test", ...UPGRADE }).map(([name, value]) => `${name}: ${value}\r\n`);

/** A close frame as a server sends it, and as a client does (masked with zeros). */
const closeFrame = (code: number) => Buffer.from([0x88, 2, code >> 8, code & 0xff]);
const maskedClose = (code: number) => Buffer.from([0x88, 0x82, 0, 0, 0, 0, code >> 8, code & 0xff]);
const BINARY = Buffer.from([0x82, 0x81, 0, 0, 0, 0, 1]);

/** Upgrades, and does nothing of its own accord after that: it keeps its side open when the server closes its own. */
function peer(t: TestContext, socket: Socket) {
  t.after(() => socket.destroy());
  const watch = new Watch();
  let bytes: Buffer = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    watch.changed();
  });
  socket.once("close", () => watch.end(() => "closed by the server"));
  socket.write(`GET /ws HTTP/1.1\r\n${HEAD.join("")}\r\n`);
  return {
    socket,
    sees: (what: string | Buffer) => watch.until(() => bytes.includes(what) || undefined),
  };
}

async function halfOpen(t: TestContext, service: Service) {
  const it = peer(t, connect({ port: Number(service.url.port), host: "127.0.0.1", allowHalfOpen: true }));
  await it.sees("101 Switching");
  return it;
}

describe("peers that were going already when the drain began are gone: not told, not cut", { timeout: 60_000 }, () => {
  test("one that said goodbye and keeps the connection; one that was sent away and never answered", async (t) => {
    const service = await Service.start(t, { CLOSE_TIMEOUT_SECONDS: "1", FEED_INTERVAL_SECONDS: "60" });
    const leaver = await halfOpen(t, service);
    leaver.socket.write(maskedClose(1000));
    await leaver.sees(closeFrame(1000));
    const faulty = await halfOpen(t, service);
    faulty.socket.write(BINARY);
    await faulty.sees(closeFrame(1003));
    const other = await TextClient.open(t, service.url);
    service.signal("SIGTERM");
    const end = await service.ended();
    assertFarewell(other, 3);
    assertClean(end);
    assert.deepEqual(clientsOf(end.receipt), { ...everybodyLeft(1), gone: 2 });
    const fates = service.all("Client disconnected").map(({ fate }) => fate);
    assert.deepEqual(fates, ["gone", "gone"]);
  });
});

describe("over TLS", { timeout: 60_000 }, () => {
  const possible = spawnSync("openssl", ["version"]).status === 0;
  const skip = possible ? false : "NOT TESTED: needs openssl(1) for a certificate";

  for (const [what, allowHalfOpen] of [
    ["and waits for the server to close", false],
    ["and never closes its own side", true],
  ] as const) {
    test(`one that answers 1012 ${what} has left, and delays nobody`, { skip }, async (t) => {
      const { certFile, keyFile } = await makeCertificate(t, "peers");
      const service = await Service.start(t, {
        TLS_CERT_FILE: certFile,
        TLS_KEY_FILE: keyFile,
        CLOSE_TIMEOUT_SECONDS: "20",
      });
      const ca = await readFile(certFile);
      // Documented for tls.connect, and missing in its type.
      const where = { host: "127.0.0.1", port: Number(service.url.port), ca, allowHalfOpen };
      const socket = connectTls(where);
      await once(socket, "secureConnect");
      const client = peer(t, socket);
      await client.sees("101 Switching");
      service.signal("SIGTERM");
      await client.sees(closeFrame(1012));
      client.socket.write(maskedClose(1012));
      const end = await service.ended();
      assertClean(end);
      assert.deepEqual(clientsOf(end.receipt), everybodyLeft(1));
      const close = end.receipt.phases.find(({ phase }) => phase === "close");
      assert.equal(close?.outcome, "completed");
    });
  }
});
