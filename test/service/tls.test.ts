import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { connect } from "node:tls";
import { LastcallError } from "../../src/base/errors.js";
import { readCertificate } from "../../src/service/tls.js";
import { TextClient } from "../server/text-client.js";
import { ONE, type Pair, TWO } from "./certificates.js";
import { build, start } from "./service.js";

async function files(t: TestContext, { cert, key }: Pair) {
  const directory = await mkdtemp(join(tmpdir(), "lastcall-tls-"));
  t.after(() => rm(directory, { recursive: true }));
  const [certFile, keyFile] = [join(directory, "tls.crt"), join(directory, "tls.key")];
  await writeFile(certFile, cert);
  await writeFile(keyFile, key);
  return { certFile, keyFile, env: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } };
}

/** In one step, as a mounted Secret changes: nobody reads half a file. */
async function replace(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

/** The common name of the certificate that a new connection is shown. */
async function shown(port: number): Promise<unknown> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

describe("TLS", () => {
  test("serves HTTPS and WSS, and drains like the plain service", async (t) => {
    const { env } = await files(t, ONE);
    const { service, port } = await start(t, { ...env, FEED_INTERVAL_SECONDS: "3600", FEED_FINAL_ITEMS: "1" });
    const asked = request({ port, host: "127.0.0.1", path: "/ready", ca: ONE.cert, agent: false }).end();
    const [response] = await once(asked, "response");
    assert.deepEqual(await json(response), { status: "ready" });
    const client = await TextClient.connect(t, `wss://127.0.0.1:${port}/ws`, { ca: ONE.cert });
    const receipt = await service.core.drain.start({ type: "request" });
    assert.equal(await client.closed, 1012);
    assert.deepEqual([client.received.length, client.received.at(0), client.received.at(-1)], [3, "SHUTDOWN", "CLOSE"]);
    assert.deepEqual([receipt.outcome, receipt.clients.left, receipt.clients.echoed], ["clean", 1, 1]);
  });

  test("follows its files: new connections are shown the new certificate, and old ones stay", async (t) => {
    const { certFile, keyFile, env } = await files(t, ONE);
    const { port, log } = await start(t, env);
    const old = await TextClient.connect(t, `wss://127.0.0.1:${port}/ws`, { ca: ONE.cert });
    assert.equal(await shown(port), "one");
    await replace(certFile, TWO.cert);
    // Half of a pair is none: it is told, and the old one stays.
    await log.line("TLS certificate not reloaded; the old one stays");
    assert.equal(await shown(port), "one");
    await replace(keyFile, TWO.key);
    await log.line("TLS certificate reloaded");
    assert.equal(await shown(port), "two");
    assert.equal(old.socket.readyState, old.socket.OPEN);
  });

  test("a file that cannot be read is named by its setting", async (t) => {
    const { certFile, keyFile } = await files(t, ONE);
    assert.throws(() => readCertificate({ certFile: `${certFile}.gone`, keyFile }), {
      code: "invalid_settings",
      message: /^TLS_CERT_FILE: expected a readable file, got ENOENT/,
    });
    assert.throws(() => readCertificate({ certFile, keyFile: `${keyFile}.gone` }), {
      code: "invalid_settings",
      message: /^TLS_KEY_FILE: expected a readable file, got ENOENT/,
    });
  });

  test("what is no certificate, no key, or no pair is refused as a setting", async (t) => {
    for (const [pair, named] of [
      [{ cert: "nothing", key: ONE.key }, /TLS_CERT_FILE/],
      [{ cert: ONE.cert, key: "nothing" }, /TLS_KEY_FILE/],
      [{ cert: ONE.cert, key: TWO.key }, /TLS_KEY_FILE/],
    ] as const) {
      const { env } = await files(t, pair);
      await assert.rejects(build(t, env), (thrown) => {
        assert.ok(thrown instanceof LastcallError, String(thrown));
        assert.equal(thrown.code, "invalid_settings");
        assert.match(thrown.message, named);
        assert.doesNotMatch(thrown.message, /PRIVATE KEY/);
        return true;
      });
    }
  });
});
