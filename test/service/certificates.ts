import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

/** Self-signed for 127.0.0.1 and localhost, valid for a century, and of no use but to these tests. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Its common name is `one`. */
export const ONE: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBjzCCATWgAwIBAgIUOde0tT/3o4KnQNCis40CBQcggGwwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDb25lMCAXDTI2MTEyMTEwNDEyN1oYDzIxMjYxMDI4MTA0MTI3
WjAOMQwwCgYDVQQDDANvbmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATCMf4f
balisTDV6yVEIndCmmbH4Tb+cisdaFhvIdTQMXlMYG8Rj724PYiguFIgjN5MWhx5
YuPM9rRUB33LyAl3o28wbTAdBgNVHQ4EFgQUqzJWY5ynv0V3VPz8aAAeRrFfchYw
HwYDVR0jBBgwFoAUqzJWY5ynv0V3VPz8aAAeRrFfchYwDwYDVR0TAQH/BAUwAwEB
/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIg
VZn4fiQ3sFOa7h6c0PQxfQE2whwEXfxFhjtq7G6JJ9YCIQCudMoL2Kg4tvHhRQC8
zpTbXSCFRB3G6L9UU79JhMXrWQ==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0V5RL7Hx8szFR52+
iWloOGQ6VTOtFY2S9pQagEtIOb+hRANCAATCMf4fbalisTDV6yVEIndCmmbH4Tb+
cisdaFhvIdTQMXlMYG8Rj724PYiguFIgjN5MWhx5YuPM9rRUB33LyAl3
-----END PRIVATE KEY-----
`,
};

/** Its common name is `two`. */
export const TWO: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBjzCCATWgAwIBAgIUUnFRxrKCmEYaHf+AtPOmp7c2CzIwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDdHdvMCAXDTI2MTEyMTEwNDEyN1oYDzIxMjYxMDI4MTA0MTI3
WjAOMQwwCgYDVQQDDAN0d28wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATQVkte
1IxaCT1UPB1oz/LP4DYWVoMOQmuEauHUnW611nVIknjnk7G3py7I9BrJi8tsGO9R
Py5+mLI1GHetBm/1o28wbTAdBgNVHQ4EFgQUWgRgUMbOYgRuu1JLNMQMNaI9XRgw
HwYDVR0jBBgwFoAUWgRgUMbOYgRuu1JLNMQMNaI9XRgwDwYDVR0TAQH/BAUwAwEB
/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIh
ANB8yY254qIWqjRN/vHndzc4rLfXfTSOilZ6cCNbY9ttAiBlo92hsnTs56bh9YR4
2dv6dHdPCL0gy8Q9bMBFC/uSng==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4uS/UZT92I8yJYtY
S6N9Adtf7CnlJJ0kBckNuzdgXTuhRANCAATQVkte1IxaCT1UPB1oz/LP4DYWVoMO
QmuEauHUnW611nVIknjnk7G3py7I9BrJi8tsGO9RPy5+mLI1GHetBm/1
-----END PRIVATE KEY-----
`,
};

/** A pair in files of their own, which go when the test file has ended. */
export function writePair({ cert, key }: Pair): { readonly certFile: string; readonly keyFile: string } {
  const directory = mkdtempSync(join(tmpdir(), "lastcall-pair-"));
  after(() => rmSync(directory, { recursive: true }));
  const [certFile, keyFile] = [join(directory, "tls.crt"), join(directory, "tls.key")];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  return { certFile, keyFile };
}
