"use strict";
// Preloaded by the build into one run of the service: when that run ends, what V8 compiled in it, start to drain, becomes
// the launcher's code cache. The launcher itself knows nothing of writing.
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const vm = require("node:vm");

const directory = join(__dirname, "../dist/bin");
const bundle = join(directory, "lastcall.cjs");

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    if (options?.filename !== bundle) return;
    process.on("exit", () => writeFileSync(process.env.LASTCALL_BUILD_CACHE, this.createCachedData()));
  }
};
