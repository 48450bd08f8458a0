import { readFileSync, unwatchFile, watchFile } from "node:fs";
import type { Server } from "node:https";
import { createSecureContext } from "node:tls";
import { LastcallError, toError } from "../base/errors.js";
import type { Log } from "../server/log.js";

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** How often the files are looked at, ms. A mounted Secret changes by a symbolic link, which only looking finds out. */
const LOOK_MS = 2_000;

/** @throws LastcallError `invalid_settings` that names the settings */
export function readCertificate({ certFile, keyFile }: TlsFiles): Certificate {
  const certificate = { cert: read("TLS_CERT_FILE", certFile), key: read("TLS_KEY_FILE", keyFile) };
  try {
    createSecureContext(certificate);
  } catch (thrown) {
    const expected = "TLS_CERT_FILE, TLS_KEY_FILE: expected a certificate and its private key (PEM)";
    throw new LastcallError("invalid_settings", `${expected}, got ${toError(thrown).message}`, { cause: thrown });
  }
  return certificate;
}

/** New connections get the new certificate; a broken one is told, and the old one stays. The result ends the watch. */
export function followCertificate(files: TlsFiles, server: Server, log: Log): () => void {
  const reload = () => {
    try {
      server.setSecureContext(readCertificate(files));
      log.info({ ...files }, "TLS certificate reloaded");
    } catch (thrown) {
      log.error({ err: toError(thrown), ...files }, "TLS certificate not reloaded; the old one stays");
    }
  };
  const paths = [files.certFile, files.keyFile];
  for (const path of paths) watchFile(path, { interval: LOOK_MS, persistent: false }, reload);
  return () => {
    for (const path of paths) unwatchFile(path, reload);
  };
}

function read(variable: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (thrown) {
    const { message } = toError(thrown);
    throw new LastcallError("invalid_settings", `${variable}: expected a readable file, got ${message}`);
  }
}
