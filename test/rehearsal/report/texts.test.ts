import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { paintFor, plain } from "../../../src/rehearsal/paint.js";
import { markdownReport } from "../../../src/rehearsal/report/markdown.js";
import { sparkline } from "../../../src/rehearsal/report/sparkline.js";
import { svgReport } from "../../../src/rehearsal/report/svg.js";
import { terminalReport } from "../../../src/rehearsal/report/terminal.js";
import { renderFor } from "../../../src/rehearsal/report/write.js";
import { sampleFail, samplePass } from "../sample.js";

const HOSTILE = "evil | `x` <b>*bold*</b>\n# heading\u001b[2J";

describe("the report in a terminal", () => {
  test("ends with the verdict, its figures and the first evidence", () => {
    const text = terminalReport(sampleFail(), plain, 100);
    const end = text.slice(text.indexOf("✗ FAIL"));
    assert.match(end, /^✗ FAIL {2}3 lost, 3 requests failed; first: client 17/);
    assert.match(end, /3 lost · 0 repeated · 0 out of order · 3 of 1,440 requests failed/);
    assert.match(
      end,
      /31\.2 s {2}client 17, connection 1, replica-4: publisher p1, item 204 \(815-k3j2h1aa\) never came/,
    );
    assert.doesNotMatch(end, /SHUTDOWN/, "what is not judged is no evidence against it");
  });

  test("says that a replica ran out of grace, and not of one killed on purpose", () => {
    assert.match(terminalReport(sampleFail(), plain, 100), /! SIGKILL, out of grace/);
    assert.match(terminalReport(sampleFail(), plain, 100), /1 killed at the end of the grace period/);
    const pass = samplePass();
    const killed = pass.findings.replicas.map((one) => ({ ...one, killed: "chaos" as const, exit: "SIGKILL" }));
    const text = terminalReport({ ...pass, findings: { ...pass.findings, replicas: killed } }, plain, 100);
    assert.match(text, / SIGKILL, killed on purpose/);
    assert.doesNotMatch(text, /! SIGKILL|grace period/);
  });

  test("says what a pass is worth", () => {
    assert.match(terminalReport(samplePass(), plain, 100), /✓ PASS[^\n]*\n {2}0 losses in 6 rollouts: below 50 %/);
  });

  test("keeps to its width in tables, and puts columns below each other where they do not fit", () => {
    for (const width of [100, 60]) {
      const tables = terminalReport(samplePass(), plain, width).split("✓ PASS")[0] ?? "";
      for (const line of tables.split("\n")) assert.ok(line.length <= width, line);
    }
    assert.match(terminalReport(samplePass(), plain, 60), /^ {2}out of order +0$/m);
  });

  test("marks what is wrong without colour, and with it only where it is wanted", () => {
    assert.match(terminalReport(sampleFail(), plain, 100), /lastcall\.v1 {2}for each client .* ! 3 /);
    const wanted = { isTTY: true, hasColors: () => true };
    assert.ok(terminalReport(sampleFail(), paintFor(wanted), 100).includes("\u001b["));
    for (const screen of [{}, { isTTY: false, hasColors: () => true }, { isTTY: true, hasColors: () => false }]) {
      assert.ok(!terminalReport(sampleFail(), paintFor(screen), 100).includes("\u001b["));
    }
  });

  test("lets nobody else's text move the cursor", () => {
    const text = terminalReport(sampleFail(HOSTILE), plain, 100);
    assert.ok(!text.includes("\u001b"));
    assert.ok(!text.includes("\n# heading"));
  });
});

describe("the report in Markdown", () => {
  test("is a test report: environment, scenarios, steps, results, figures, conclusion", () => {
    const headings = markdownReport(samplePass()).match(/^##? .*$/gm);
    assert.deepEqual(headings, [
      "# Rehearsal: pass",
      "## Environment",
      "## Scenarios",
      "## Steps",
      "## Results",
      "## Figures",
      "## Conclusion",
    ]);
  });

  test("tells the steps with their times", () => {
    assert.match(
      markdownReport(samplePass()),
      /1\. Round 1, from 4\.5 s to 34\.0 s:\n {3}- 6\.0 s: replica-1 was deleted/,
    );
  });

  test("text of others makes no headings, no cells and no HTML", () => {
    const [tame, wild] = [sampleFail("tame"), sampleFail(HOSTILE)].map(markdownReport);
    const shape = (text = "") =>
      text.split("\n").map(
        (line) =>
          line
            .replace(/\\./g, "")
            .match(/^#+|\|/g)
            ?.join("") ?? "",
      );
    assert.deepEqual(shape(wild), shape(tame));
    for (const sign of ["<b>", "\u001b"]) assert.ok(!wild?.includes(sign), sign);
  });
});

test("a sparkline shows the greatest of what a character stands for, and nothing as nothing", () => {
  assert.equal(sparkline([0, 1, 4, 8], 8), " ▂▅█");
  const peak = Array.from({ length: 720 }, (_, i) => (i === 705 ? 8 : 0));
  assert.equal(sparkline(peak, 8).trim(), "█");
  assert.equal(sparkline(peak, 8).length, 72);
});

test("a report has the form that its file's name asks for", () => {
  const report = samplePass();
  assert.deepEqual(JSON.parse(renderFor("a.json", report)), JSON.parse(JSON.stringify(report)));
  assert.match(renderFor("a.html", report), /^<!doctype html>/);
  assert.match(renderFor("a.svg", report), /^<svg xmlns/);
  assert.match(renderFor("a.md", report), /^# /);
});

test("an image's verdict stays inside it, however long it is", () => {
  const { verdict, ...report } = samplePass();
  const text = `${"a word ".repeat(30)}${"x".repeat(150)}`;
  const lines = [
    ...svgReport({ ...report, verdict: { ...verdict, text } }).matchAll(/<text class="title pass"[^>]*>([^<]*)/g),
  ];
  assert.ok(lines.length > 2);
  for (const [, line = ""] of lines) assert.ok(line.length <= 115, line);
});
