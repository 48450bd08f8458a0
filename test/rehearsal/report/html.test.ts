import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Report } from "../../../src/rehearsal/findings.js";
import { htmlReport } from "../../../src/rehearsal/report/html.js";
import { svgReport } from "../../../src/rehearsal/report/svg.js";
import { sampleFail, samplePass } from "../sample.js";
import { readMarkup } from "./markup-reader.js";

const HOSTILE = `</title><script>alert(1)</script>"'><img src=x onerror=alert(1)>&amp;\u001b[31m\u202e\ud800`;

/** Nothing was seen. */
function empty(): Report {
  const report = samplePass();
  return {
    ...report,
    findings: { ...report.findings, protocols: [], replicas: [] },
    series: { stepMs: 100, connections: [], pauses: [], reconnects: [], rounds: [] },
  };
}

describe("the HTML report", () => {
  for (const [name, report] of [
    ["of a pass", samplePass()],
    ["of a failure", sampleFail()],
    ["of nothing", empty()],
  ] as const) {
    test(`${name} is well formed, and so is its image`, () => {
      assert.deepEqual(readMarkup(htmlReport(report)).faults, []);
      assert.deepEqual(readMarkup(svgReport(report)).faults, []);
    });
  }

  test("needs nothing from anywhere and runs nothing", () => {
    const document = htmlReport(sampleFail());
    const { tags, attributes } = readMarkup(document);
    for (const tag of ["script", "link", "img", "iframe", "base", "object"]) assert.ok(!tags.includes(tag), tag);
    for (const name of attributes.keys()) assert.doesNotMatch(name, /^(src|href|xlink:href|style|on\w+)$/);
    assert.doesNotMatch(document, /url\(|@import|https?:|\bdata:/);
  });

  test("has the verdict first, in words, and the first evidence before the pictures", () => {
    const document = htmlReport(sampleFail());
    const places = ["✗ fail", "3 lost, 3 requests failed", "First evidence", "<svg"].map((text) =>
      document.indexOf(text),
    );
    assert.ok(!places.includes(-1), `${places}`);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
  });

  test("every picture has a name and a text for those who cannot see it", () => {
    const { tags, attributes } = readMarkup(htmlReport(samplePass()));
    const ids = attributes.get("id") ?? [];
    assert.equal(new Set(ids).size, ids.length);
    const pictures = tags.filter((tag) => tag === "svg").length;
    assert.equal(pictures, 4);
    const names = attributes.get("aria-labelledby") ?? [];
    assert.equal(names.length, pictures);
    for (const id of names.flatMap((one) => one.split(" "))) assert.ok(ids.includes(id), id);
  });

  test("no coordinate is missing", () => {
    for (const report of [samplePass(), sampleFail(), empty()])
      assert.doesNotMatch(htmlReport(report), /NaN|Infinity|undefined/);
  });

  test("text of others changes nothing but text", () => {
    const tame = readMarkup(htmlReport(hostile("tame")));
    const wild = readMarkup(htmlReport(hostile(HOSTILE)));
    assert.deepEqual(wild.faults, []);
    assert.deepEqual(wild.tags, tame.tags);
    assert.deepEqual([...wild.attributes.keys()], [...tame.attributes.keys()]);
  });
});

/** A report in which everything that comes from outside is this. */
function hostile(text: string): Report {
  const report = sampleFail(text);
  const { findings, series, verdict } = report;
  return {
    ...report,
    lastcall: text,
    environment: { one: text },
    options: { "--one": text },
    findings: {
      ...findings,
      protocols: findings.protocols.map((one) => ({ ...one, protocol: text, ends: { [text]: 1 } })),
      requests: { ...findings.requests, failures: { [text]: 3 } },
      evidence: findings.evidence.map((one) => ({ ...one, who: text, text })),
      replicas: findings.replicas.map((one) => ({
        ...one,
        name: text,
        exit: text,
        phases: [{ phase: text, ms: 8_000 }],
      })),
    },
    verdict: { ...verdict, text, reasons: ["another reason"] },
    // Names that do not fit into their areas are left out of them, so these have their own.
    series: { ...series, connections: series.connections.map((one) => ({ ...one, replica: text.slice(0, 4) })) },
  };
}
