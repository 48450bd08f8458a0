import { constants } from "node:fs";
import { access, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { LastcallError } from "../../base/errors.js";
import type { Report } from "../findings.js";
import { htmlReport } from "./html.js";
import { markdownReport } from "./markdown.js";
import { svgReport } from "./svg.js";

/** The form that a file's name asks for. */
export function renderFor(file: string, report: Report): string {
  if (file.endsWith(".html")) return htmlReport(report);
  if (file.endsWith(".svg")) return svgReport(report);
  if (file.endsWith(".md")) return markdownReport(report);
  return `${JSON.stringify(report, null, 2)}\n`;
}

/**
 * Asked before the rehearsal: afterwards it would be too late.
 * @throws LastcallError `invalid_request` for a folder in which nothing can be written
 */
export async function assertWritable(files: readonly string[]): Promise<void> {
  for (const file of files) {
    try {
      await access(dirname(file), constants.W_OK);
    } catch (thrown) {
      const message = `--report: expected a file in a folder that can be written, got "${file}"`;
      throw new LastcallError("invalid_request", message, { cause: thrown });
    }
  }
}

export async function writeReports(files: readonly string[], report: Report): Promise<void> {
  for (const file of files) await writeFile(file, renderFor(file, report));
}
