#!/usr/bin/env node
"use strict";
// Runs the bundle beside this file, from V8's code cache when the build left one for this very V8: that halves the time
// to the first answer. CommonJS, because Node's ESM loader alone costs 10 ms. Nothing here may be slow: signal handlers
// are the bundle's first statement, and until then a SIGTERM finds nobody (as PID 1 it is swallowed).
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

const filename = join(__dirname, "lastcall.cjs");
// The bundle is pure ASCII (the build checks it), and latin1 is read without decoding.
const source = readFileSync(filename, "latin1");
const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
  filename,
  cachedData: readCache(),
});
script.runInThisContext()(exports, require, module, filename, __dirname);

/** No cache, or one that V8 rejects (other flags), only means a slower start. */
function readCache() {
  try {
    return readFileSync(join(__dirname, `lastcall.BUILD_ID.${process.versions.v8}.${process.arch}.cache`));
  } catch {
    return undefined;
  }
}
