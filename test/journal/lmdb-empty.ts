// Empties the journal whose folder it is given, as a restored backup of an empty one would.
import { join } from "node:path";
import { open } from "lmdb";

const [folder = ""] = process.argv.slice(2);
const root = open({ path: join(folder, "journal.mdb"), noSubdir: true, overlappingSync: false });
for (const name of ["state", "entries", "keys-0", "keys-1"]) await root.openDB({ name }).clearAsync();
await root.close();
