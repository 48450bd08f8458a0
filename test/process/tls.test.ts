import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { connect } from "node:tls";
import { WebSocket } from "ws";
import { makeCertificate } from "../support/certificate.js";
import { Service } from "../support/service.js";
import { assertClean } from "./farewell.js";

const possible = spawnSync("openssl", ["version"]).status === 0;
const options = { timeout: 60_000, skip: possible ? false : "NOT TESTED: needs openssl(1) for a certificate" };

async function get(url: URL, path: string, ca: Buffer) {
  const sent = request(new URL(path, url), { ca, agent: false }).end();
  const [response] = await once(sent, "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** The name in the certificate that the server shows now. */
async function nameShown(url: URL): Promise<string | undefined> {
  const socket = connect({ host: url.hostname, port: Number(url.port), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test("HTTPS and WSS, and a drain over TLS", options, async (t) => {
  const { certFile, keyFile } = await makeCertificate(t, "first");
  const service = await Service.start(t, {
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    ENDPOINT_REMOVAL_SECONDS: "1",
    ENDPOINT_REMOVAL_MAX_SECONDS: "10",
  });
  const { url } = service;
  assert.equal(url.protocol, "https:");
  const ca = await readFile(certFile);
  assert.equal((await get(url, "/ready", ca)).status, 200);

  const texts: string[] = [];
  const ws = new WebSocket(`wss://127.0.0.1:${url.port}/ws`, { ca });
  ws.on("message", (data) => texts.push(String(data)));
  await once(ws, "open");
  const closed = once(ws, "close");
  // A connection that shakes hands and then says nothing must not hold up anything.
  const silent = connect({ host: url.hostname, port: Number(url.port), ca });
  await once(silent, "secureConnect");
  service.signal("SIGTERM");
  await service.logged("graceful_shutdown_started");
  const inWindow = await get(url, "/items", ca);
  assert.equal(inWindow.status, 200);
  assert.equal(inWindow.headers.connection, "close");
  assert.equal((await closed)[0], 1012);
  const end = await service.ended();
  assertClean(end);
  assert.equal(end.receipt.clients.echoed, 1);
  const farewell = texts.slice(texts.indexOf("SHUTDOWN"));
  assert.deepEqual(
    farewell.filter((word) => word.startsWith("Final data")).map((word) => word.split(" - ")[1]),
    ["1", "2", "3"],
  );
  assert.equal(farewell.at(-1), "CLOSE");
  silent.destroy();
});

test("over TLS too, a new connection is refused once all are told", options, async (t) => {
  const { certFile, keyFile } = await makeCertificate(t, "first");
  const service = await Service.start(t, {
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    CLOSE_TIMEOUT_SECONDS: "2",
  });
  const ca = await readFile(certFile);
  const mute = connect({ host: "127.0.0.1", port: Number(service.url.port), ca });
  await once(mute, "secureConnect");
  mute.write(
    "GET /ws HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  mute.on("error", () => {}).resume();
  const gone = new Promise((resolve) => mute.once("close", resolve));
  await service.logged("Client connected");
  service.signal("SIGTERM");
  await service.logged("Closing all clients: last items, CLOSE, close frame");
  const refused = await get(service.url, "/items", ca);
  assert.equal(refused.status, 503);
  assert.equal(JSON.parse(refused.body).code, "shutting_down");
  assert.equal((await get(service.url, "/health", ca)).status, 200);
  await gone;
  const end = await service.ended();
  assertClean(end);
  assert.equal(end.receipt.clients.unanswered, 1);
});

test("changed files are followed; broken ones are told, and the old certificate stays", options, async (t) => {
  const { certFile, keyFile } = await makeCertificate(t, "first");
  const next = await makeCertificate(t, "second");
  const service = await Service.start(t, { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
  const { url } = service;
  assert.equal(await nameShown(url), "first");

  await writeFile(certFile, "not a certificate");
  await service.logged("TLS certificate not reloaded; the old one stays");
  assert.equal(await nameShown(url), "first");

  await copyFile(next.keyFile, keyFile);
  await copyFile(next.certFile, certFile);
  await service.logged("TLS certificate reloaded");
  assert.equal(await nameShown(url), "second");
  assert.equal((await get(url, "/ready", await readFile(next.certFile))).status, 200);
  service.signal("SIGTERM");
  assertClean(await service.ended());
});
