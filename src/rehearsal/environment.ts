import { arch, cpus, release, totalmem, type } from "node:os";

/** Where a rehearsal ran, for its report: figures mean nothing without. */
export function environment(): Readonly<Record<string, string>> {
  const [processor] = cpus();
  return {
    system: `${type()} ${release()} ${arch()}`,
    processor: `${cpus().length} × ${processor?.model.trim() || "unknown"}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    "Node.js": process.versions.node,
  };
}
