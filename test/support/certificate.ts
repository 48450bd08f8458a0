import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

/** A self-signed certificate for 127.0.0.1, in files of a folder of its own. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** @throws when there is no openssl(1) */
export async function makeCertificate(t: TestContext, name: string): Promise<CertificateFiles> {
  const directory = await mkdtemp(join(tmpdir(), "certificate-"));
  t.after(() => rm(directory, { recursive: true }));
  const files = { certFile: join(directory, "tls.crt"), keyFile: join(directory, "tls.key") };
  const options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" ");
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  await promisify(execFile)("openssl", [
    "req",
    ...options,
    ...subject,
    "-out",
    files.certFile,
    "-keyout",
    files.keyFile,
  ]);
  return files;
}
