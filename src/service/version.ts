import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The package's version, as package.json says it; in the bundle the build puts the text itself in place of this file. */
export const { version: VERSION } = require("lastcall/package.json") as { readonly version: string };

/** The commit that the bundle was built from; the build puts it in place of this. */
export const REVISION: string = "unknown";
