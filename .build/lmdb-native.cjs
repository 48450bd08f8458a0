"use strict";
// In the bundle this stands for node-gyp-build-optional-packages, with which lmdb looks for its native part beside itself:
// inside the bundle lmdb has no place of its own, and looking takes longer than loading.
const { createRequire } = require("node:module");
const { dirname, join } = require("node:path");

module.exports = () => {
  try {
    // Node-API: the same file for every version of Node.
    return require(`@lmdb/lmdb-${process.platform}-${process.arch}/node.napi.glibc.node`);
  } catch {
    // Another system or C library, another layout of node_modules, or built from source: as lmdb would do it.
    const lmdb = createRequire(__filename).resolve("lmdb");
    return createRequire(lmdb)("node-gyp-build-optional-packages")(join(dirname(lmdb), ".."));
  }
};
